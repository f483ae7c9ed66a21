// The envelopes of one hand's muscles over the last seconds, each with a band of one standard deviation.

import { activityColour, css, token } from './colours.js';

const SPAN = 8; // seconds shown
const NAME_WIDTH = 44, VALUE_WIDTH = 92;

export class Traces {
  constructor(canvas, side) {
    this.canvas = canvas;
    this.side = side;
    this.clear();
  }

  clear() { this.time = []; this.value = []; this.deviation = []; }

  /** Take samples: time [s], value and deviation of each muscle, null = unknown. */
  push(piece) {
    for (const name of ['time', 'value', 'deviation']) this[name].push(...piece[name]);
    const old = this.time.findIndex((t) => t > this.time.at(-1) - SPAN - 2);
    if (old > 200) for (const name of ['time', 'value', 'deviation']) this[name].splice(0, old);
  }

  /** Return the largest value of what is shown. */
  largest(now) {
    let most = 0;
    for (let i = this.time.length - 1; i >= 0 && this.time[i] > now - SPAN; i--) most = Math.max(most, ...this.value[i]);
    return most;
  }

  draw(now, muscles, full, activity, names) {
    const ratio = Math.min(devicePixelRatio, 2);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.canvas.width !== width * ratio || this.canvas.height !== height * ratio) {
      Object.assign(this.canvas, { width: width * ratio, height: height * ratio });
    }
    const pen = this.canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const axis = 15, row = (height - axis) / Math.max(muscles.length, 1);
    const plot = { left: NAME_WIDTH, right: width - VALUE_WIDTH, now, full };
    this.grid(pen, plot, height - axis);
    const first = this.time.findIndex((t) => t >= now - SPAN);
    muscles.forEach((name, i) => {
      const box = { ...plot, top: i * row + 4, bottom: (i + 1) * row - 2 };
      this.label(pen, box, name, activity?.values[i], activity?.deviation[i], width);
      if (first >= 0) this.curve(pen, box, i, first);
    });
    this.canvas.title = muscles.map((m) => `${m}: ${names[m] ?? m}`).join('\n');
  }

  grid(pen, { left, right, now }, bottom) {
    pen.strokeStyle = token('--line');
    pen.fillStyle = token('--faint');
    pen.font = '10px system-ui, sans-serif';
    pen.textAlign = 'center';
    pen.lineWidth = 1;
    for (let t = Math.ceil(now - SPAN); t <= now; t++) {
      const x = right - ((now - t) / SPAN) * (right - left);
      pen.beginPath(); pen.moveTo(x, 0); pen.lineTo(x, bottom); pen.stroke();
      if (x > left + 8 && t >= 0 && t % 2 === 0) pen.fillText(`${t} s`, x, bottom + 12);
    }
  }

  label(pen, { top, bottom, full, right }, name, value, deviation, width) {
    const middle = (top + bottom) / 2 + 4;
    const known = value !== null && value !== undefined;
    pen.textAlign = 'left';
    pen.font = '600 12px system-ui, sans-serif';
    pen.fillStyle = token('--ink');
    pen.fillText(name, 12, middle);
    pen.fillStyle = known ? css(activityColour(value / full)) : token('--line');
    pen.beginPath(); pen.arc(5, middle - 4, 4, 0, 7); pen.fill();
    pen.textAlign = 'right';
    pen.font = '12px system-ui, sans-serif';
    pen.fillStyle = known ? token('--ink') : token('--faint');
    const spread = deviation === null || deviation === undefined ? '' : ` ± ${deviation.toFixed(3)}`;
    pen.fillText(known ? `${value.toFixed(3)}${spread}` : '–', width, middle);
    pen.strokeStyle = token('--line');
    pen.beginPath(); pen.moveTo(NAME_WIDTH, bottom + 0.5); pen.lineTo(right, bottom + 0.5); pen.stroke();
  }

  curve(pen, { left, right, top, bottom, now, full }, muscle, first) {
    const x = (t) => right - ((now - t) / SPAN) * (right - left);
    const y = (v) => bottom - Math.min(Math.max(v / full, 0), 1.05) * (bottom - top);
    const runs = this.runs(muscle, first);
    pen.fillStyle = token(`--${this.side}`);
    pen.strokeStyle = token(`--${this.side}`);
    pen.lineWidth = 1.5;
    pen.lineJoin = 'round';
    for (const run of runs) {
      const points = run.map((i) => [x(this.time[i]), this.value[i][muscle], this.deviation[i][muscle] ?? 0]);
      pen.globalAlpha = 0.22;
      pen.beginPath();
      for (const [at, v, d] of points) pen.lineTo(at, y(v + d));
      for (const [at, v, d] of points.reverse()) pen.lineTo(at, y(v - d));
      pen.fill();
      pen.globalAlpha = 1;
      pen.beginPath();
      for (const [at, v] of points) pen.lineTo(at, y(v));
      pen.stroke();
    }
  }

  /** Return the stretches of known samples: a gap in time or an unknown value ends one. */
  runs(muscle, first) {
    const found = [];
    let run = [];
    for (let i = first; i < this.time.length; i++) {
      const gap = run.length && this.time[i] - this.time[run.at(-1)] > 0.05;
      const known = this.value[i][muscle] !== null;
      if ((gap || !known) && run.length) { found.push(run); run = []; }
      if (known) run.push(i);
    }
    if (run.length) found.push(run);
    return found;
  }
}
