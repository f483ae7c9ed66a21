// The camera's picture, large: corners are named by clicking in it. Pixel (0, 0) is the middle of the top left pixel.

import { fit } from './piano.js';

const NEAR = 11; // pixels of the screen from a point that mean that point
const GLASS = 84; // radius of the magnifying glass
const MARGIN = 8;
const COLOURS = { named: '#40e0a8', odd: '#ff5a2c', picked: '#ffffff', asked: '#ffd400', white: '#56b4e9', black: '#ff9d2e' };

export class Picture {
  /** `place(x, y)` is told of clicks beside all points, `pick(corner)` of those on one, `move(corner, x, y, done)` of drags. */
  constructor(canvas, { place, pick, move }) {
    Object.assign(this, { canvas, place, pick, move, glass: true, lines: true, pointer: null, dragged: null });
    Object.assign(this, { points: {}, told: {}, asked: null, picked: null, size: [1, 1] });
    canvas.onpointerdown = (event) => this.press(event);
    canvas.onpointermove = (event) => this.drag(event);
    canvas.onpointerup = (event) => this.release(event);
    canvas.onpointercancel = (event) => this.release(event);
    canvas.onpointerleave = () => { if (!this.dragged) { this.pointer = null; this.draw(); } };
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Show a camera: its image, its size. */
  show(image, size) {
    Object.assign(this, { image, size, pointer: null, dragged: null });
    this.draw();
  }

  /** Return the place on the screen of a pixel, within the canvas. */
  at([x, y]) {
    return [this.left + (x + 0.5) * this.scale, this.top + (y + 0.5) * this.scale];
  }

  read({ offsetX, offsetY }) {
    return [(offsetX - this.left) / this.scale - 0.5, (offsetY - this.top) / this.scale - 0.5];
  }

  holds([x, y]) {
    return x >= -0.5 && y >= -0.5 && x <= this.size[0] - 0.5 && y <= this.size[1] - 0.5;
  }

  press(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    const spot = this.read(event), near = this.findPoint(event.offsetX, event.offsetY);
    this.pointer = spot;
    if (near) {
      this.pick(near);
      this.dragged = { corner: near, from: [spot[0] - this.points[near][0], spot[1] - this.points[near][1]], moved: false };
    } else if (this.holds(spot)) {
      const corner = this.place(...spot);
      if (corner) this.dragged = { corner, from: [0, 0], moved: false };
    }
    this.draw();
  }

  drag(event) {
    this.pointer = this.read(event);
    if (this.dragged) {
      const { corner, from } = this.dragged, to = [this.pointer[0] - from[0], this.pointer[1] - from[1]];
      if (this.holds(to)) { this.dragged.moved = true; this.move(corner, ...to, false); }
    }
    this.draw();
  }

  release() {
    const { dragged } = this;
    this.dragged = null;
    if (dragged?.moved && this.points[dragged.corner]) this.move(dragged.corner, ...this.points[dragged.corner], true);
  }

  findPoint(x, y) {
    let best = null, least = NEAR;
    for (const [corner, spot] of Object.entries(this.points)) {
      const [across, down] = this.at(spot), away = Math.hypot(across - x, down - y);
      if (away < least) [best, least] = [corner, away];
    }
    return best;
  }

  draw() {
    const [context, width, height] = fit(this.canvas), [wide, high] = this.size;
    this.scale = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high);
    this.left = (width - wide * this.scale) / 2;
    this.top = (height - high * this.scale) / 2;
    if (!this.image) return;
    this.paint(context, this.left, this.top, this.scale);
    const centre = this.dragged ? this.points[this.dragged.corner] : this.pointer ?? this.points[this.picked];
    if (this.glass && centre && this.holds(centre)) this.paintGlass(context, centre);
  }

  /** Paint picture, lines and points with the picture's corner at left, top. */
  paint(context, left, top, scale) {
    const at = ([x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale];
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.image, left, top, this.size[0] * scale, this.size[1] * scale);
    context.save();
    context.beginPath();
    context.rect(left, top, this.size[0] * scale, this.size[1] * scale);
    context.clip();
    if (this.lines && this.told.wires) this.paintWires(context, at);
    const spot = this.told.spots?.[this.asked];
    if (spot) this.paintTarget(context, at(spot));
    context.restore();
    for (const [corner, place] of Object.entries(this.points)) this.paintPoint(context, corner, at(place));
  }

  paintWires(context, at) {
    for (const [kind, lines] of Object.entries(this.told.wires)) {
      Object.assign(context, { strokeStyle: COLOURS[kind], lineWidth: 1.2, globalAlpha: 0.9 });
      context.beginPath();
      for (const line of lines) line.forEach((spot, i) => (i ? context.lineTo(...at(spot)) : context.moveTo(...at(spot))));
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const [name, spot] of Object.entries(this.told.names)) this.write(context, name, ...at(spot), COLOURS.white);
  }

  paintTarget(context, [x, y]) {
    Object.assign(context, { strokeStyle: COLOURS.asked, lineWidth: 2 });
    context.setLineDash([4, 4]);
    context.beginPath();
    context.arc(x, y, 15, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
  }

  paintPoint(context, corner, [x, y]) {
    const odd = this.told.odd?.includes(corner), picked = corner === this.picked;
    const colour = odd ? COLOURS.odd : picked ? COLOURS.picked : COLOURS.named;
    for (const [style, wide] of [['#0b0d10', 4], [colour, 2]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: wide });
      context.beginPath();
      context.arc(x, y, picked || odd ? 8 : 6, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = colour;
    context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    const off = this.told.off?.[corner];
    const name = corner.replace('.', ' ').replace('_', ' ');
    if (picked || odd) this.write(context, odd && off !== undefined ? `${name}: ${off?.toFixed(1) ?? '?'} px` : name, x, y - 18, colour);
  }

  write(context, words, x, y, colour) {
    Object.assign(context, { textAlign: 'center', textBaseline: 'middle', font: '600 12px system-ui, sans-serif' });
    Object.assign(context, { strokeStyle: '#0b0d10', lineWidth: 4, lineJoin: 'round', fillStyle: colour });
    context.strokeText(words, x, y);
    context.fillText(words, x, y);
  }

  paintGlass(context, centre) {
    const [x, y] = this.at(centre), scale = Math.max(5, 3 * this.scale);
    context.save();
    context.beginPath();
    context.arc(x, y, GLASS, 0, 2 * Math.PI);
    context.clip();
    context.fillStyle = '#0b0d10';
    context.fillRect(x - GLASS, y - GLASS, 2 * GLASS, 2 * GLASS);
    this.paint(context, x - (centre[0] + 0.5) * scale, y - (centre[1] + 0.5) * scale, scale);
    context.restore();
    for (const [style, wide] of [['#0b0d10', 5], ['#fff', 2]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: wide });
      context.beginPath();
      context.arc(x, y, GLASS, 0, 2 * Math.PI);
      context.stroke();
    }
    Object.assign(context, { strokeStyle: COLOURS.asked, lineWidth: 1 });
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 26 * dx, y + 26 * dy);
    }
    context.stroke();
  }
}
