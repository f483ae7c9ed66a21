// The envelopes of one hand's muscles over the last seconds: estimates, each with a band of one standard deviation, and
// dashed what electrodes measure meanwhile.

import { activityColour, css, token } from './colours.js';

const SPAN = 8; // seconds shown
const LATE = 0.5; // what is older is not now
const NAME_WIDTH = 44, VALUE_WIDTH = 92;

const HIGH = 0.9; // where the scale of signals whose maximum nobody knows stands, in parts of a row's height

/** Samples of some signals: time [s], value and, where there is one, deviation of each; null = unknown. */
class Line {
  constructor(gap = 0.05) { Object.assign(this, { gap, time: [], value: [], deviation: [] }); }

  push(piece) {
    for (const name of ['time', 'value', 'deviation']) this[name].push(...piece[name] ?? []);
    const old = this.time.findIndex((t) => t > this.time.at(-1) - SPAN - 2);
    if (old > 200) for (const name of ['time', 'value', 'deviation']) this[name].splice(0, old);
  }

  /** Return the largest value of what is shown of a column, null = of any. */
  largest(now, column = null) {
    let most = 0;
    for (let i = this.time.length - 1; i >= 0 && this.time[i] > now - SPAN; i--) {
      most = Math.max(most, ...column === null ? this.value[i] : [this.value[i][column]]);
    }
    return most;
  }

  /** Return the newest value of a column, null = unknown now. */
  newest(now, column) {
    return this.time.at(-1) > now - LATE ? this.value.at(-1)[column] : null;
  }

  /** Return the stretches of known samples that are shown: a gap in time or an unknown value ends one. */
  runs(now, column) {
    const found = [], first = this.time.findIndex((t) => t >= now - SPAN);
    let run = [];
    for (let i = first; first >= 0 && i < this.time.length; i++) {
      const gap = run.length && this.time[i] - this.time[run.at(-1)] > this.gap;
      const known = this.value[i][column] !== null;
      if ((gap || !known) && run.length) { found.push(run); run = []; }
      if (known) run.push(i);
    }
    if (run.length) found.push(run);
    return found;
  }
}

export class Traces {
  constructor(canvas, side) {
    this.canvas = canvas;
    this.side = side;
    this.clear();
  }

  clear() {
    this.estimate = new Line();
    this.measured = new Line();
    this.emg = null;
  }

  push(piece) { this.estimate.push(piece); }

  /** Take what electrodes give: null = there are none on this hand. */
  measure(emg, stream, unit) {
    if (!emg || this.emg?.stream !== stream) this.measured = new Line(emg?.gap);
    this.emg = emg && { ...emg, stream, unit };
    if (emg?.trace) this.measured.push(emg.trace);
  }

  /** Return the largest value of what is shown, of what is in the unit of the estimates. */
  largest(now) {
    const known = (this.emg?.muscles ?? []).map((_, i) => this.emg.mvc[i] ? this.measured.largest(now, i) / this.emg.scale[i] : 0);
    return { estimate: this.estimate.largest(now), measured: Math.max(0, ...known) };
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
    muscles.forEach((name, i) => {
      const box = { ...plot, top: i * row + 4, bottom: (i + 1) * row - 2 };
      const electrode = this.emg?.muscles.indexOf(name) ?? -1;
      this.label(pen, box, name, activity?.values[i], activity?.deviation[i], width, electrode);
      if (electrode >= 0) this.dashes(pen, box, electrode);
      if (activity) this.curve(pen, box, i);
    });
    this.canvas.title = muscles.map((m) => `${m}: ${names[m] ?? m}${this.tellScale(m)}`).join('\n');
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

  label(pen, { now, top, bottom, full, right }, name, value, deviation, width, electrode) {
    const line = electrode < 0 ? 4 : -3; // two lines of words where there are electrodes
    const middle = (top + bottom) / 2 + 4, beside = (top + bottom) / 2 + line;
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
    pen.fillText(known ? `${value.toFixed(3)}${spread}` : '–', width, beside);
    if (electrode >= 0) this.tellMeasured(pen, now, electrode, width, beside + 14);
    pen.strokeStyle = token('--line');
    pen.beginPath(); pen.moveTo(NAME_WIDTH, bottom + 0.5); pen.lineTo(right, bottom + 0.5); pen.stroke();
  }

  /** Write what an electrode gives now and how alike both lines ran of late. */
  tellMeasured(pen, now, electrode, width, y) {
    const value = this.measured.newest(now, electrode), r = this.emg.r[electrode] ?? null;
    const words = r === null ? '' : `r ${r.toFixed(2)}`;
    pen.font = '11px system-ui, sans-serif';
    pen.fillStyle = token('--faint');
    pen.fillText(`${value === null ? '–' : this.write(value, electrode)}  ${words}`.trim(), width, y);
  }

  /** Return a measured value with its unit: of a maximum contraction where one is known. */
  write(value, electrode) {
    const { mvc, scale, unit } = this.emg;
    if (mvc[electrode]) return (value / scale[electrode]).toFixed(3);
    return `${value.toPrecision(value < 1 ? 1 : 2 + (value >= 100))} ${unit}`;
  }

  tellScale(name) {
    const i = this.emg?.muscles.indexOf(name) ?? -1;
    if (i < 0 || this.emg.scale[i] === null || this.emg.scale[i] === undefined) return '';
    const scale = `${this.emg.scale[i].toPrecision(3)} ${this.emg.unit}`;
    return this.emg.mvc[i] ? `; EMG of a maximum contraction: ${scale}` : `; EMG on its own scale: ${scale} at ${HIGH} of the height`;
  }

  /** Draw what an electrode gives, on the scale of the estimates or on its own. */
  dashes(pen, { left, right, top, bottom, now, full }, electrode) {
    const scale = this.emg.scale[electrode];
    if (!scale) return;
    const whole = scale * (this.emg.mvc[electrode] ? full : 1 / HIGH);
    pen.strokeStyle = token('--ink');
    pen.lineWidth = 1.1;
    pen.setLineDash([4, 2.5]);
    for (const run of this.measured.runs(now, electrode)) {
      pen.beginPath();
      for (const i of run) {
        const part = Math.min(this.measured.value[i][electrode] / whole, 1.05);
        pen.lineTo(right - ((now - this.measured.time[i]) / SPAN) * (right - left), bottom - part * (bottom - top));
      }
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  curve(pen, { left, right, top, bottom, now, full }, muscle) {
    const { time, value, deviation } = this.estimate;
    const x = (t) => right - ((now - t) / SPAN) * (right - left);
    const y = (v) => bottom - Math.min(Math.max(v / full, 0), 1.05) * (bottom - top);
    pen.fillStyle = token(`--${this.side}`);
    pen.strokeStyle = token(`--${this.side}`);
    pen.lineWidth = 1.5;
    pen.lineJoin = 'round';
    for (const run of this.estimate.runs(now, muscle)) {
      const points = run.map((i) => [x(time[i]), value[i][muscle], deviation[i][muscle] ?? 0]);
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
}
