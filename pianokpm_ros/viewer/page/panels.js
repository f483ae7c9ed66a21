// Words and numbers: each hand's status, what the values are, faults, the playback's controls.

const $ = (id) => document.getElementById(id);

export function showFacts(side, activity) {
  const facts = [];
  if (!activity) facts.push(['', 'no estimate yet', 'faint']);
  else {
    facts.push(['', activity.status, activity.status]);
    if (activity.confidence !== null) facts.push(['confidence', activity.confidence.toFixed(2)]);
    if (activity.delay !== null) facts.push(['latency', `${Math.round(activity.delay * 1000)} ms`]);
    facts.push(['rate', `${Math.round(activity.rate)} Hz`]);
  }
  document.querySelector(`#${side} .facts`).replaceChildren(...facts.map(([name, value, kind]) => {
    const row = document.createElement('div');
    const [term, fact] = ['dt', 'dd'].map((tag) => document.createElement(tag));
    term.textContent = name;
    fact.textContent = value;
    if (kind) fact.className = kind;
    row.append(term, fact);
    return row;
  }));
}

export function showModel(activity, full) {
  if (!activity) return;
  $('legend').hidden = false;
  $('label').textContent = activity.label;
  $('unit').textContent = activity.unit;
  $('full').textContent = full;
  const personal = activity.calibration ? `, calibrated for ${activity.calibration}` : '';
  const late = `The newest value is the muscle ${Math.round(activity.lookahead * 1000)} ms before its frame.`;
  $('model').textContent = `Model ${activity.model}${personal}. ${late} Bands and ±: one standard deviation.`;
}

/** Say which line is which on a hand with electrodes, and on what scale. */
export function showLines(side, hand, emg) {
  const article = document.getElementById(side), list = article.querySelector('.lines');
  article.classList.toggle('electrodes', Boolean(hand));
  const words = hand ? `${emg.label} (${tellScales(hand)})${emg.silent ? ', silent' : ''}` : '';
  if (list.dataset.shown === words) return;
  list.dataset.shown = words;
  const entries = hand ? [['estimate', 'estimated'], ['measured', words]] : [];
  list.replaceChildren(...entries.map(([kind, text]) => {
    const entry = document.createElement('span');
    entry.append(Object.assign(document.createElement('i'), { className: kind }), text);
    return entry;
  }));
}

function tellScales({ muscles, mvc }) {
  const known = muscles.filter((_, i) => mvc[i]);
  if (!known.length) return 'own scale';
  return known.length === muscles.length ? 'of MVC' : `${known.join(' ')} of MVC, others own scale`;
}

export function showEmg(emg, unit) {
  const has = (known) => emg && Object.values(emg.hands).some((hand) => hand.mvc.includes(known));
  const lines = emg && emg.words ? [
    `Dashed: ${emg.label}. ${emg.words}`,
    ...has(true) ? [`Of MVC: on one axis with the estimates (${unit ?? 'none yet'}).`] : [],
    ...has(false) ? ["Own scale: 0.9 of the height is the muscle's own 99.5th percentile of the last 30 s; compare courses, not heights."] : [],
    'r: how alike both lines ran in the last 30 s; of this moment and this music, no score of the model.',
  ] : [];
  const words = [...lines, ...emg?.note ? [emg.note] : []].join(' ');
  if ($('emg').textContent !== words) $('emg').textContent = words;
}

export function showFaults(faults) {
  const lines = Object.entries(faults).map(([node, fault]) => `${node}: ${fault}`);
  const list = $('faults');
  if (list.dataset.shown === lines.join()) return;
  list.dataset.shown = lines.join();
  list.replaceChildren(...lines.map((line) => Object.assign(document.createElement('li'), { textContent: line })));
}

export function showMode(words, kind) {
  Object.assign($('mode'), { textContent: words, className: `chip ${kind}` });
}

export function showNote(flat, unplaced) {
  $('note').hidden = !flat && !unplaced;
  $('note').textContent = flat
    ? 'this browser has no WebGL: hands and keys can not be shown in three dimensions'
    : "one view, or a frame that is not the keyboard's: shapes only, places are not known";
}

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, '0')}`;

export class Player {
  constructor(ask) {
    this.held = false;
    $('play').onclick = () => ask({ play: !this.playing });
    $('rate').onchange = (event) => ask({ rate: Number(event.target.value) });
    $('seek').oninput = (event) => { this.held = true; $('time').value = clock(event.target.value); };
    $('seek').onchange = (event) => { this.held = false; ask({ seek: Number(event.target.value) }); };
    addEventListener('keydown', (event) => {
      if (!this.state || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('button, input, select')) return;
      const jump = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
      if (event.key === ' ') ask({ play: !this.playing });
      else if (jump) ask({ seek: Math.max(0, this.state.position + jump) });
      else return;
      event.preventDefault();
    });
  }

  get playing() { return this.state?.playing; }

  show(state) {
    const rate = this.state?.rate;
    this.state = state;
    $('player').hidden = !state;
    if (!state) return;
    $('play').textContent = state.playing ? 'pause' : 'play';
    if (state.rate !== rate) $('rate').value = state.rate; // of another page, or of this one before it was loaded again
    $('seek').max = state.duration;
    if (this.held) return;
    $('seek').value = state.position;
    $('time').value = `${clock(state.position)} of ${clock(state.duration)}`;
  }
}
