// Ask for corners of keys, take clicks, tell the server, show what it makes of them.

import { Piano } from './piano.js';
import { Picture } from './picture.js';
import { followTheme } from './theme.js';

const $ = (id) => document.getElementById(id);
const NUDGE = 0.25; // of an arrow key [pixels of the picture]
const CLOSE_UP = 0.055; // keys shown beside what is asked for, to each side [m]
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Clicks {
  constructor() {
    this.cameras = [];
    this.number = 0;
    this.picture = new Picture($('picture'), {
      place: (x, y) => this.place(x, y),
      pick: (corner) => this.pick(corner),
      move: (corner, x, y, done) => this.move(corner, x, y, done),
    });
    this.keys = new Piano($('keys'));
    this.closeUp = new Piano($('close'), CLOSE_UP);
  }

  connect() {
    this.socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`);
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    this.socket.onclose = () => {
      if (this.ended) return;
      showMode('no connection', 'lost');
      setTimeout(() => this.connect(), 1000);
    };
  }

  hear(message) {
    if (message.cameras) this.begin(message);
    else if (message.elsewhere) this.end('open in another window', 'This page was opened again elsewhere: go on there.');
    else if (message.failed) $('outcome').textContent = `could not be saved: ${message.failed}`;
    else if (message.saved) this.endSaved(message);
    else this.take(message);
  }

  begin(hello) {
    this.hello = hello;
    $('title').textContent = hello.file;
    document.title = `pianokpm: ${hello.file}`;
    showMode('connected', 'live');
    this.keys.setUp(hello);
    this.closeUp.setUp(hello);
    if (this.cameras.length) { this.cameras.forEach((camera) => this.tell(camera)); return; } // it was gone for a while
    this.cameras = hello.cameras.map(({ name, size }, i) => ({ name, size, i, points: {}, skipped: [], told: {}, next: null }));
    for (const camera of this.cameras) this.addTab(camera);
    this.choose(this.cameras[0]);
  }

  addTab(camera) {
    camera.image = new Image();
    camera.image.onload = () => { if (camera === this.now) this.picture.show(camera.image, camera.size); };
    camera.image.src = `/picture/${camera.i}.jpg`;
    camera.tab = document.createElement('button');
    camera.tab.textContent = camera.name;
    camera.tab.onclick = () => this.choose(camera);
    $('tabs').append(camera.tab);
  }

  choose(camera) {
    this.now = camera;
    this.picked = this.wanted = null;
    for (const { tab, name } of this.cameras) tab.setAttribute('aria-selected', name === camera.name);
    if (camera.image.complete && camera.image.naturalWidth) this.picture.show(camera.image, camera.size);
    this.show();
  }

  /** Take what the server says of a camera; what was said of older clicks doesn't count. */
  take(message) {
    const camera = this.cameras.find(({ name }) => name === message.camera);
    if (!camera || (message.number ?? 0) < (camera.number ?? 0)) return;
    camera.next = message.next;
    if (message.level) {
      camera.told = message;
      if (message.number === null) Object.assign(camera, { points: message.points, skipped: message.skipped });
      camera.judged = message.number ?? 0;
    }
    this.show();
  }

  tell(camera) {
    camera.number = ++this.number;
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const { name, points, skipped, number } = camera;
    this.socket.send(JSON.stringify({ camera: name, points, skipped, number }));
  }

  get asked() { return this.wanted ?? this.now?.next ?? null; }

  place(x, y) {
    const corner = this.asked;
    if (!corner || this.ended) return null;
    this.now.points[corner] = [x, y];
    this.now.skipped = this.now.skipped.filter((other) => other !== corner);
    this.wanted = null;
    if (this.now.next === corner) this.now.next = null;
    this.picked = corner;
    this.tell(this.now);
    this.show();
    return corner;
  }

  pick(corner) {
    this.picked = corner;
    this.show();
  }

  move(corner, x, y, done) {
    this.now.points[corner] = [x, y];
    if (done) this.tell(this.now);
    this.show();
  }

  remove(corner) {
    delete this.now.points[corner];
    if (this.picked === corner) this.picked = null;
    this.tell(this.now);
    this.show();
  }

  skip() {
    if (!this.asked || this.ended) return;
    this.now.skipped.push(this.asked);
    this.wanted = null;
    this.now.next = null;
    this.tell(this.now);
    this.show();
  }

  /** Choose a corner on the drawing: the next click names it; one that is named already is picked. */
  want(corner) {
    this.wanted = corner;
    this.picked = corner in this.now.points ? corner : null;
    this.show();
  }

  press(event) {
    if (!this.now || this.ended || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, point = this.now.points[this.picked];
    if (key in ARROWS && point) {
      const [dx, dy] = ARROWS[key];
      this.picture.pointer = null;
      this.move(this.picked, point[0] + NUDGE * dx, point[1] + NUDGE * dy, false);
      clearTimeout(this.later);
      this.later = setTimeout(() => this.tell(this.now), 150);
      event.preventDefault();
    } else if ((key === 'Delete' || key === 'Backspace') && point) this.remove(this.picked);
    else if (key === 'Escape') { this.picked = this.wanted = null; this.show(); }
    else if (key === 's') this.skip();
    else if (key === 'm') $('glass').click();
    else if (key === 'l') $('lines').click();
  }

  save() {
    const named = this.cameras.filter(({ points }) => Object.keys(points).length);
    if (!named.length || this.socket?.readyState !== WebSocket.OPEN) return;
    clearTimeout(this.later);
    this.cameras.forEach((camera) => this.tell(camera));
    this.socket.send('{"save": true}');
    $('outcome').textContent = 'saving';
  }

  endSaved({ saved, trouble }) {
    this.end('saved', trouble
      ? `Saved ${saved}, but no rig: ${trouble}. The same command goes on with these corners. You can close this page.`
      : `Saved ${saved}; the terminal goes on with ${this.hello.rig}. You can close this page.`);
  }

  end(mode, words) {
    this.ended = true;
    showMode(mode, mode === 'saved' ? 'live' : 'lost');
    this.show();
    $('outcome').textContent = words;
  }

  show() {
    const camera = this.now;
    if (!camera) return;
    const { told, points } = camera, { asked, picked } = this;
    const stale = Object.keys(points).length === 0 || !told.wires;
    Object.assign(this.picture, { points, asked: this.ended ? null : asked, picked, told: stale ? {} : told });
    this.picture.draw();
    const turned = told.turned ?? camera.turned ?? false;
    const marks = { named: new Set(Object.keys(points)), odd: new Set(told.odd ?? []), asked: this.ended ? null : asked };
    for (const piano of [this.keys, this.closeUp]) {
      Object.assign(piano, marks, { turned });
      piano.draw();
    }
    showAsked(asked, this.hello, told, turned, this.ended);
    showFound(camera, this.hello);
    this.showList(camera);
    showSave(this.cameras, this.ended);
    for (const { tab, told: its } of this.cameras) tab.className = its.level === 'good' ? 'good' : '';
    document.documentElement.dataset.judged = camera.judged ?? '';
    document.documentElement.dataset.asked = asked ?? '';
  }

  showList({ points, told }) {
    const items = Object.keys(points).map((corner) => {
      const item = document.createElement('li'), name = document.createElement('span');
      const off = document.createElement('em'), away = document.createElement('button');
      name.textContent = corner.replace('.', ' ').replace('_', ' ');
      const pixels = told.off?.[corner];
      off.textContent = pixels === undefined ? '' : `${pixels?.toFixed(1) ?? '?'} px`;
      Object.assign(away, { textContent: '\u00d7', title: `remove ${corner}` });
      away.onclick = (event) => { event.stopPropagation(); this.remove(corner); };
      item.className = [told.odd?.includes(corner) && 'odd', corner === this.picked && 'picked'].filter(Boolean).join(' ');
      item.onclick = () => this.pick(corner);
      item.append(name, off, away);
      return item;
    });
    $('list').replaceChildren(...items.reverse());
  }
}

function showMode(words, kind) {
  $('mode').textContent = words;
  $('mode').className = `chip ${kind}`;
}

function showAsked(asked, hello, told, turned, ended) {
  $('ends').hidden = ended || (told.turned ?? null) !== null;
  $('low-left').setAttribute('aria-pressed', !turned);
  $('low-right').setAttribute('aria-pressed', turned);
  const words = asked && (hello.corners[asked]?.[1] ?? asked);
  $('corner').textContent = ended ? 'done' : asked ? words.replace(/C4\b/, 'C4 (middle C)') + (turned ? otherSide(words) : '')
    : told.level === 'good' ? 'all that helps is named' : told.level ? 'choose a corner on the keys below' : '\u2026';
  $('skip').disabled = !asked || ended;
}

/** Left and right are the pianist's: say so where the picture has them the other way round. */
function otherSide(words) {
  const side = / (left|right) corner/.exec(words)?.[1];
  return side ? `: at the ${side === 'left' ? 'right' : 'left'} here` : '';
}

function showFound({ points, told }, { least, enough }) {
  const count = Object.keys(points).length, missing = least - count;
  $('count').textContent = `${count} of about ${enough} corners`;
  Object.assign($('progress'), { value: Math.min(count, enough), max: enough });
  $('found').className = missing > 0 ? 'few' : told.level ?? '';
  $('words').textContent = missing > 0 ? `${missing} more, and the camera can be found` : told.level === 'good'
    ? `The camera is found. Do the lines lie on the keys everywhere, and are their names right? ${count < enough
      ? 'Then save, or name more: it becomes more exact.' : 'Then save.'}` : told.words ?? '';
  const figures = missing > 0 || !told.wires ? [] : [
    ['off', `${told.median?.toFixed(1) ?? '?'} px median, ${told.worst?.toFixed(1) ?? '?'} px worst`],
    ['focal length', `${told.focal} px${told.doubt === 0 ? ' (given)' : ` \u00b1 ${told.doubt === null || told.doubt > 1 ? '?' : Math.round(100 * told.doubt)} %`}`],
    ['stands at', `${told.centre.map((x) => (x >= 0 ? '+' : '\u2212') + Math.abs(x).toFixed(2)).join(', ')} m`],
  ];
  $('figures').replaceChildren(...figures.flatMap(([name, value]) => {
    const term = document.createElement('dt'), text = document.createElement('dd');
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  }));
}

function showSave(cameras, ended) {
  const named = cameras.filter(({ points }) => Object.keys(points).length);
  const ready = named.length === cameras.length && cameras.every(({ told }) => told.level === 'good');
  $('save').disabled = ended || !named.length;
  $('save').className = ready && !ended ? 'ready' : '';
  $('save').textContent = ready ? 'Save' : 'Save the corners only';
  if (!ended) $('outcome').textContent = ready || !named.length ? '' : 'The camera is not found yet: saved now, this can be gone on with later.';
}

function listen(clicks) {
  const { keys } = clicks;
  followTheme($('theme'), () => clicks.show());
  addEventListener('keydown', (event) => clicks.press(event));
  addEventListener('resize', () => clicks.show());
  $('skip').onclick = () => clicks.skip();
  $('save').onclick = () => clicks.save();
  for (const [id, turned] of [['low-left', false], ['low-right', true]]) {
    $(id).onclick = () => { clicks.now.turned = turned; clicks.show(); };
  }
  for (const name of ['glass', 'lines']) {
    $(name).onclick = () => {
      clicks.picture[name] = !clicks.picture[name];
      $(name).setAttribute('aria-pressed', clicks.picture[name]);
      clicks.picture.draw();
    };
  }
  $('keys').onpointermove = ({ offsetX, offsetY }) => {
    keys.over = keys.corners ? keys.find(offsetX, offsetY) : null;
    $('over').textContent = keys.over ? keys.corners[keys.over][1] : '';
    keys.draw();
  };
  $('keys').onpointerleave = () => { keys.over = null; $('over').textContent = ''; keys.draw(); };
  $('keys').onclick = ({ offsetX, offsetY }) => {
    const corner = clicks.now && !clicks.ended ? keys.find(offsetX, offsetY) : null;
    if (corner) clicks.want(corner);
  };
}

const clicks = new Clicks();
listen(clicks);
clicks.connect();
