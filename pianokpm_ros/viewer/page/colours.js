// Colours of the page, and how activity becomes colour: from a quiet slate over amber to a warm white, brighter
// all the way, so that it also reads without colour vision.

const RAMP = [
  [0.0, [74, 88, 110]], [0.25, [142, 84, 120]], [0.5, [214, 94, 60]], [0.75, [243, 156, 18]], [1.0, [255, 233, 150]],
];

/** Return [red, green, blue] (0..255) of an activity from 0 to 1. */
export function activityColour(part) {
  const at = Math.min(Math.max(part, 0), 1);
  const next = Math.max(1, RAMP.findIndex(([place]) => place >= at));
  const [[low, from], [high, to]] = [RAMP[next - 1], RAMP[next]];
  return from.map((c, i) => Math.round(c + ((at - low) / (high - low)) * (to[i] - c)));
}

export const UNKNOWN = [110, 112, 116];

export function css([red, green, blue], alpha = 1) {
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

export function rampGradient() {
  return `linear-gradient(90deg, ${RAMP.map(([at, c]) => `${css(c)} ${at * 100}%`).join(', ')})`;
}

/** Read a custom property of the page, such as --ink. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
