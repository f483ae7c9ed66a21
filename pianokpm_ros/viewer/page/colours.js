// Colours of the page; how activity becomes colour is told by the server, and the same everywhere.

let ramp = [[0, [110, 112, 116]], [1, [110, 112, 116]]];
let unknown = ramp[0][1];

export function setRamp(hello) { ({ ramp, unknown } = hello); }

/** Return [red, green, blue] (0..255) of an activity from 0 to 1, null = unknown. */
export function activityColour(part) {
  if (part === null) return unknown;
  const at = Math.min(Math.max(part, 0), 1);
  const next = Math.max(1, ramp.findIndex(([place]) => place >= at));
  const [[low, from], [high, to]] = [ramp[next - 1], ramp[next]];
  return from.map((c, i) => Math.round(c + ((at - low) / (high - low)) * (to[i] - c)));
}

export function css([red, green, blue], alpha = 1) {
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

export function rampGradient() {
  return `linear-gradient(90deg, ${ramp.map(([at, c]) => `${css(c)} ${at * 100}%`).join(', ')})`;
}

/** Read a custom property of the page, such as --ink. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
