// Names of muscles beside them on the screen, without one upon another.

const OUT = 0.22; // how far names are moved away from the middle of their hand, in parts of their distance from it
const GAP = 3; // pixels between two names
const ROUNDS = 12;

export class Names {
  constructor(element) {
    this.element = element;
    this.boxes = [];
  }

  /** Begin anew, for one picture. */
  begin() {
    this.boxes = [];
  }

  /** Add the names of one hand: [text, x, y] in pixels each. */
  add(entries) {
    const middle = [1, 2].map((k) => entries.reduce((sum, entry) => sum + entry[k], 0) / entries.length);
    for (const [text, x, y] of entries) {
      const span = this.element.children[this.boxes.length] ?? this.element.appendChild(document.createElement('span'));
      if (span.textContent !== text) span.textContent = text;
      span.hidden = false;
      this.boxes.push({
        span, x: x + OUT * (x - middle[0]), y: y + OUT * (y - middle[1]), width: span.offsetWidth, height: span.offsetHeight,
      });
    }
  }

  /** Move apart what overlaps, and show it. */
  end() {
    spread(this.boxes);
    for (const { span, x, y } of this.boxes) {
      span.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
    }
    [...this.element.children].slice(this.boxes.length).forEach((span) => { span.hidden = true; });
  }
}

/** Push boxes around their centres x, y apart, each pair along the shorter way, until none overlap or it takes too long. */
export function spread(boxes) {
  for (let round = 0, moved = true; moved && round < ROUNDS; round++) {
    moved = false;
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => { moved = part(a, b) || moved; }));
  }
}

function part(a, b) {
  const wide = (a.width + b.width) / 2 + GAP - Math.abs(a.x - b.x);
  const high = (a.height + b.height) / 2 + GAP - Math.abs(a.y - b.y);
  if (wide <= 0 || high <= 0) return false;
  const [axis, by] = wide < high ? ['x', wide / 2] : ['y', high / 2];
  const sign = a[axis] < b[axis] ? 1 : -1;
  a[axis] -= sign * by;
  b[axis] += sign * by;
  return true;
}
