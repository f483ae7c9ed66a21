// Camera pictures with the landmarks that were found in them; without pictures, landmarks alone.

import { css } from './colours.js';

const PALM = [0, 1, 5, 9, 13, 17, 0];

export class Cameras {
  constructor(place) {
    this.place = place;
    this.views = new Map();
  }

  setUp({ chains, colours }) {
    this.chains = chains;
    this.colours = { ...colours, unknown: [190, 190, 190] };
  }

  clear() {
    this.views.clear();
    this.place.replaceChildren();
  }

  view(name) {
    if (!this.views.has(name)) {
      const figure = document.createElement('figure');
      const canvas = document.createElement('canvas');
      const caption = document.createElement('figcaption');
      caption.textContent = name;
      figure.append(canvas, caption);
      this.place.append(figure);
      this.views.set(name, { canvas, hands: [], size: [640, 480], picture: null });
      this.place.classList.toggle('many', this.views.size > 2);
    }
    return this.views.get(name);
  }

  /** Take what was found; with `picture`, it belongs to the picture that comes next. */
  update(cameras) {
    for (const [name, { size, hands, picture }] of Object.entries(cameras)) {
      const view = this.view(name);
      view.hands = hands;
      if (size) view.size = size;
      if (!picture) this.draw(view);
    }
  }

  /** Take a picture: the camera's name, a zero, JPEG or PNG. */
  async show(data) {
    const bytes = new Uint8Array(data);
    const end = bytes.indexOf(0);
    const view = this.view(new TextDecoder().decode(bytes.subarray(0, end)));
    const hands = view.hands;
    const picture = await createImageBitmap(new Blob([bytes.subarray(end + 1)])).catch(() => null);
    if (!picture) return;
    view.picture?.close();
    view.picture = picture;
    this.draw(view, hands);
  }

  draw(view, hands = view.hands) {
    const width = Math.round((view.canvas.clientWidth || 160) * Math.min(devicePixelRatio, 2));
    const height = Math.round((width * view.size[1]) / view.size[0]);
    if (view.canvas.width !== width || view.canvas.height !== height) Object.assign(view.canvas, { width, height });
    const pen = view.canvas.getContext('2d');
    const scale = width / view.size[0];
    pen.fillStyle = '#0b0d10';
    pen.fillRect(0, 0, width, height);
    if (view.picture) pen.drawImage(view.picture, 0, 0, width, height);
    for (const { side, pixels } of hands) this.skeleton(pen, pixels, scale, css(this.colours[side]));
  }

  skeleton(pen, pixels, scale, colour) {
    // (0, 0) is the centre of the top left pixel
    const at = (i) => pixels[2 * i] === null ? null : [(pixels[2 * i] + 0.5) * scale, (pixels[2 * i + 1] + 0.5) * scale];
    pen.lineJoin = pen.lineCap = 'round';
    for (const [ink, width] of [['#0b0d10', 3.4], [colour, 1.7]]) {
      pen.strokeStyle = ink;
      pen.lineWidth = width * Math.min(devicePixelRatio, 2) * 0.8;
      for (const chain of [PALM, ...this.chains.map((c) => c.slice(1))]) {
        pen.beginPath();
        chain.map(at).forEach((p, i, all) => { if (p) { if (i && all[i - 1]) pen.lineTo(...p); else pen.moveTo(...p); } });
        pen.stroke();
      }
    }
  }
}
