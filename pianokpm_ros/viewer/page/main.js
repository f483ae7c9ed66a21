// Connect, hand out what comes, draw, say so: the next update is sent when this one has been drawn.

import { rampGradient, setRamp } from './colours.js';
import { Cameras } from './cameras.js';
import { Player, showEmg, showFacts, showFaults, showLines, showMode, showModel, showNote } from './panels.js';
import { Stage } from './scene.js';
import { followTheme } from './theme.js';
import { Traces } from './traces.js';

const $ = (id) => document.getElementById(id);
const SIDES = ['left', 'right'];
const SCALES = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2];

/** What stands in for the stage where the browser has no WebGL: everything else is shown all the same. */
const NO_STAGE = {
  hands: {}, keyboard: { update() {} }, build() {}, theme() {}, centre() {}, draw() {},
};

function makeStage() {
  try {
    return new Stage($('scene'), $('labels'));
  } catch (error) {
    console.warn(error);
    return NO_STAGE;
  }
}

class View {
  constructor() {
    this.stage = makeStage();
    this.cameras = new Cameras($('cameras'));
    this.traces = Object.fromEntries(SIDES.map((s) => [s, new Traces(document.querySelector(`#${s} .traces`), s)]));
    this.player = new Player((asked) => this.socket?.send(JSON.stringify(asked)));
    this.full = SCALES[1];
    this.drawn = 0;
    this.then = performance.now();
    requestAnimationFrame((now) => this.frame(now));
  }

  connect() {
    this.socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = ({ data }) => this.hear(data);
    this.socket.onclose = () => {
      showMode('no connection', 'lost');
      setTimeout(() => this.connect(), 1000);
    };
  }

  hear(data) {
    if (typeof data !== 'string') { this.cameras.show(data); return; }
    const message = JSON.parse(data);
    if (message.bones) this.begin(message);
    else this.take(message);
  }

  begin(hello) {
    this.hello = hello;
    $('title').textContent = hello.title;
    document.title = `pianokpm: ${hello.title}`;
    showMode(hello.live ? 'live' : 'recording', hello.live ? 'live' : '');
    setRamp(hello);
    $('legend').querySelector('i').style.background = rampGradient();
    this.cameras.setUp(hello);
    this.stage.build(hello);
  }

  take(update) {
    if (update.begins) { for (const trace of Object.values(this.traces)) trace.clear(); this.cameras.clear(); }
    this.update = update;
    for (const side of SIDES) {
      if (update.traces[side]) this.traces[side].push(update.traces[side]);
      this.traces[side].measure(update.emg?.hands[side] ?? null, update.emg?.stream, update.emg?.unit);
    }
    this.cameras.update(update.cameras);
    this.fresh = true;
  }

  /** Show an update; the rest of the page moves on with every frame. */
  show() {
    const { update, stage } = this;
    const activities = SIDES.map((side) => update.activity[side]);
    const full = this.chooseScale(update.now);
    SIDES.forEach((side, i) => {
      const activity = activities[i], hand = stage.hands[side];
      if (hand) {
        hand.muscles = activity?.muscles;
        hand.colourMuscles((activity?.values ?? []).map((v) => v === null ? null : v / full));
        hand.aim(update.hands[side]);
      }
      const emg = update.emg?.hands[side];
      this.traces[side].draw(update.now, activity?.muscles ?? emg?.muscles ?? [], full, activity, this.hello.muscleNames);
      showFacts(side, activity);
      showLines(side, emg, update.emg);
    });
    stage.keyboard.update(update.keys);
    showModel(activities.find(Boolean), full);
    showEmg(update.emg, activities.find(Boolean)?.unit);
    showFaults(update.faults);
    showNote(stage === NO_STAGE, SIDES.some((side) => update.hands[side]?.placed === false));
    this.player.show(update.player);
  }

  /** Return the full scale: for estimates it only grows, for measured contractions while they are shown. */
  chooseScale(now) {
    const largest = SIDES.map((side) => this.traces[side].largest(now));
    const [estimate, measured] = ['estimate', 'measured'].map((kind) => Math.max(...largest.map((l) => l[kind])));
    const enough = (value) => SCALES.find((scale) => scale >= value) ?? SCALES.at(-1);
    this.full = Math.max(this.full, enough(estimate));
    return Math.max(this.full, enough(measured));
  }

  frame(now) {
    requestAnimationFrame((next) => this.frame(next));
    const fresh = this.fresh && this.hello;
    if (fresh) this.show();
    this.stage.draw((now - this.then) / 1000);
    this.then = now;
    if (!fresh) return;
    this.fresh = false;
    this.drawn += 1;
    Object.assign(document.documentElement.dataset, { drawn: this.drawn, now: this.update.now });
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ drawn: this.update.number }));
  }
}

const view = new View();
followTheme($('theme'), () => view.stage.theme());
$('view').onclick = () => view.stage.centre();
$('names').onclick = () => {
  view.stage.showNames = !view.stage.showNames;
  $('names').setAttribute('aria-pressed', view.stage.showNames);
};
view.connect();
