// The stage: light, keyboard, two hands, a camera that people can move, names of the muscles beside them.

import {
  Color, DirectionalLight, HemisphereLight, OrbitControls, PCFSoftShadowMap, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from './vendor/three.js';
import { token } from './colours.js';
import { Hand } from './hand.js';
import { Keyboard } from './keyboard.js';
import { Names } from './names.js';

const FROM = new Vector3(0, -0.50, 0.47);
const AT = new Vector3(0, 0.022, 0.02);
const WIDTH = 0.60; // of the keyboard that should be seen [m]
const NEAREST = 0.6, FARTHEST = 3; // parts of that distance
const SLOW = 45; // milliseconds a frame from which shadows and fine pixels are given up

export class Stage {
  constructor(canvas, labels) {
    this.canvas = canvas;
    this.names = new Names(labels);
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFSoftShadowMap;
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(30, 1, 0.05, 6);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enableDamping: true, minDistance: 0.15, maxDistance: 2.5, maxPolarAngle: 1.52 });
    this.hands = {};
    this.showNames = true;
    this.frameTime = 16;
    this.addLight();
    this.centre();
  }

  addLight() {
    this.sky = new HemisphereLight(0xffffff, 0x8a8f99, 1.5);
    this.sky.position.set(0, 0, 1);
    const sun = new DirectionalLight(0xfff4e2, 2.2);
    sun.position.set(-0.35, -0.25, 0.9);
    sun.castShadow = true;
    sun.shadow.mapSize.set(2048, 1024);
    Object.assign(sun.shadow.camera, { left: -0.75, right: 0.75, top: 0.35, bottom: -0.35, near: 0.2, far: 2 });
    sun.shadow.radius = 5;
    sun.shadow.bias = -0.0004;
    this.scene.add(this.sky, sun, sun.target);
  }

  build({ keyboard, bones, colours }) {
    if (this.keyboard) return;
    this.keyboard = new Keyboard(keyboard);
    this.scene.add(this.keyboard);
    for (const [side, colour] of Object.entries(colours)) {
      this.hands[side] = new Hand(bones, colour);
      this.scene.add(this.hands[side]);
    }
    this.theme();
  }

  theme() {
    const dark = document.documentElement.dataset.theme !== 'light';
    for (const hand of Object.values(this.hands)) hand.tint(dark);
    this.scene.background = new Color(token('--scene'));
    this.sky.intensity = dark ? 1.3 : 2.0;
  }

  /** Look from where the player sits, so near that WIDTH is seen: narrow screens stand further back. */
  centre() {
    const aspect = Math.max(this.camera.aspect, 0.4);
    const back = (WIDTH / 2) / (Math.tan((this.camera.fov / 2) * (Math.PI / 180)) * aspect * FROM.distanceTo(AT));
    this.controls.target.copy(AT);
    this.camera.position.copy(FROM).sub(AT).multiplyScalar(Math.min(Math.max(back, NEAREST), FARTHEST)).add(AT);
    this.controls.update();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (width === this.width && height === this.height) return;
    const first = !this.width;
    [this.width, this.height] = [width, height];
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (first) this.centre();
  }

  draw(seconds) {
    this.resize();
    for (const hand of Object.values(this.hands)) hand.step(Math.min(seconds, 0.2));
    this.controls.update();
    const begun = performance.now();
    this.renderer.render(this.scene, this.camera);
    this.spare(performance.now() - begun);
    this.nameMuscles();
  }

  /** Give up what is expensive where drawing is slow, such as without a graphics card. */
  spare(milliseconds) {
    this.frameTime += 0.05 * (milliseconds - this.frameTime);
    if (this.frameTime < SLOW || !this.renderer.shadowMap.enabled) return;
    this.renderer.shadowMap.enabled = false;
    this.renderer.setPixelRatio(1);
    this.scene.traverse((thing) => { if (thing.material) thing.material.needsUpdate = true; });
  }

  nameMuscles() {
    this.names.begin();
    for (const hand of this.showNames ? Object.values(this.hands) : []) {
      const seen = hand.visible ? hand.spindles.flatMap((mesh, i) => this.place(mesh, hand.muscles?.[i] ?? '')) : [];
      if (seen.length) this.names.add(seen);
    }
    this.names.end();
  }

  /** [[name, x, y]] of a muscle on the screen, none where it is not seen. */
  place(mesh, name) {
    const at = mesh.anchor.clone().project(this.camera);
    if (!mesh.visible || at.z > 1) return [];
    return [[name, (at.x + 1) * this.width / 2, (1 - at.y) * this.height / 2]];
  }
}
