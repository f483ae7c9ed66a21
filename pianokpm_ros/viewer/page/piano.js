// A drawing of the keys, all of them or a few: which corners are named, which one is asked for, which one is pointed at.

import { token } from './colours.js';

const REACH = 16; // pixels from a corner that count as meant
const MARGIN = 0.02; // around the keys [m]

/** Make a canvas as large as it is shown; returns [context, width, height] in CSS pixels. */
export function fit(canvas) {
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  const wide = Math.round(width * ratio), high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

export class Piano {
  /** `around`: how much to show to each side of the corner that is asked for [m]; without it all keys are shown. */
  constructor(canvas, around = null) {
    Object.assign(this, { canvas, around, turned: false, named: new Set(), odd: new Set(), asked: null, over: null });
  }

  setUp({ keyboard, corners }) {
    Object.assign(this, { keyboard, corners });
    const xs = keyboard.keys.map(([, x]) => x), half = keyboard.white[0] / 2;
    this.range = [Math.min(...xs) - half - MARGIN, Math.max(...xs) + half + MARGIN];
  }

  /** Return where a place on the keys is in the drawing: black tops are lifted, as one sees them from the bench. */
  at([x, y, z]) {
    const { width, height, left, scale, deep } = this;
    const across = (x - left) * scale, down = height - ((y + z + MARGIN) / deep) * height;
    return this.turned ? [width - across, height - down] : [across, down];
  }

  draw() {
    if (!this.corners) return;
    const [context, width, height] = fit(this.canvas);
    let [from, to] = this.range;
    if (this.around !== null) {
      const x = this.asked ? this.corners[this.asked][0][0] : 0;
      [from, to] = [x - this.around, x + this.around];
    }
    const deep = this.keyboard.white[1] + this.keyboard.black[3] + 1.6 * MARGIN;
    Object.assign(this, { width, height, left: from, scale: width / (to - from), deep });
    const [wide, long] = this.keyboard.white, xs = this.keyboard.keys.map(([, x]) => x);
    this.box(context, [Math.min(...xs) - wide / 2, 0, 0], [Math.max(...xs) + wide / 2, long, 0], '#55585f');
    for (const [number, x, black] of this.keyboard.keys) if (!black) this.drawWhite(context, number, x);
    for (const [, x, black] of this.keyboard.keys) if (black) this.drawBlack(context, x);
    this.drawMarks(context);
  }

  box(context, [x0, y0, z0], [x1, y1, z1], colour) {
    const [left, top] = this.at([x0, y0, z0]), [right, bottom] = this.at([x1, y1, z1]);
    context.fillStyle = colour;
    context.fillRect(Math.min(left, right), Math.min(top, bottom), Math.abs(right - left), Math.abs(bottom - top));
  }

  drawWhite(context, number, x) {
    const [wide, long] = this.keyboard.white, half = wide / 2 - 0.0006;
    this.box(context, [x - half, 0, 0], [x + half, long, 0], '#eae7df');
    if (number % 12 || wide * this.scale < 9) return;
    const [across, down] = this.at([x, 0.017, 0]);
    Object.assign(context, { fillStyle: '#555a62', textAlign: 'center', textBaseline: 'middle' });
    context.font = `${Math.min(12, wide * this.scale * 0.52)}px system-ui, sans-serif`;
    context.fillText(`C${number / 12 - 1}`, across, down);
  }

  drawBlack(context, x) {
    const [foot, top, front, high] = this.keyboard.black, long = this.keyboard.white[1];
    this.box(context, [x - foot / 2, front, 0], [x + foot / 2, long, 0], '#33363d');
    this.box(context, [x - top / 2, front, high], [x + top / 2, long, 0], '#1b1d21');
  }

  drawMarks(context) {
    const size = this.around === null ? 3 : 5;
    for (const corner of this.named) {
      if (!this.corners[corner]) continue;
      this.dot(context, corner, size, token(this.odd.has(corner) ? '--invalid' : '--ok'));
    }
    if (this.over && this.over !== this.asked) this.ring(context, this.over, 6, '#56b4e9', 2);
    if (!this.asked || !this.corners[this.asked]) return;
    this.ring(context, this.asked, this.around === null ? 8 : 12, '#e69f00', 3);
    this.dot(context, this.asked, size, '#e69f00');
  }

  dot(context, corner, radius, colour) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(...this.at(this.corners[corner][0]), radius, 0, 2 * Math.PI);
    context.fill();
  }

  ring(context, corner, radius, colour, wide) {
    context.beginPath();
    context.arc(...this.at(this.corners[corner][0]), radius, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: '#0b0d10', lineWidth: wide + 2 });
    context.stroke();
    Object.assign(context, { strokeStyle: colour, lineWidth: wide });
    context.stroke();
  }

  /** Return the corner that is meant by a place in the drawing, null where none is near. */
  find(x, y) {
    let best = null, least = REACH;
    for (const [corner, [place]] of Object.entries(this.corners)) {
      const [across, down] = this.at(place), away = Math.hypot(across - x, down - y);
      if (away < least) [best, least] = [corner, away];
    }
    return best;
  }
}
