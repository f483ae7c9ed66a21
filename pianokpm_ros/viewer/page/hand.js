// One hand: bones as tapered capsules, a palm between them, muscles as spindles that glow with their activity.

import {
  BufferAttribute, BufferGeometry, Color, CylinderGeometry, DoubleSide, Group, Mesh, MeshBasicMaterial, MeshStandardMaterial,
  SphereGeometry, Vector3,
} from './vendor/three.js';
import { activityColour } from './colours.js';

const UP = new Vector3(0, 1, 0);
const TENTHS = 1e-4; // of a millimetre
const PALM = [0, 1, 5, 9, 13, 17];
// Radius of the flesh at each landmark [m], wrist first, then four a finger from thumb to little finger.
const RADII = [
  0.0150, 0.0125, 0.0115, 0.0095, 0.0082, 0.0105, 0.0088, 0.0080, 0.0070, 0.0105, 0.0090, 0.0082, 0.0072,
  0.0100, 0.0085, 0.0078, 0.0068, 0.0095, 0.0076, 0.0070, 0.0062,
];
// Where a muscle's name stands, from its origin (0) to its insertion (1): neighbours' names keep apart.
const NAME_AT = [0.5, 0.5, 0.6, 0.95, 0.1, 0.95];
const SMOOTHING = 0.035; // time constant of the drawn hand [s]: updates come at 30 Hz, screens draw at 60

export class Hand extends Group {
  constructor(bones, colour) {
    super();
    this.colour = new Color(`rgb(${colour.join(',')})`);
    this.material = new MeshStandardMaterial({ roughness: 0.75, transparent: true });
    this.points = RADII.map(() => new Vector3());
    this.targets = RADII.map(() => new Vector3());
    this.joints = RADII.map((radius) => this.addMesh(new SphereGeometry(radius, 18, 12)));
    this.bones = bones.map(([a, b]) => [a, b, this.addMesh(new CylinderGeometry(RADII[b], RADII[a], 1, 16, 1, true))]);
    this.addPalm();
    this.spindles = [];
    this.ghosts = [];
    this.visible = false;
    this.tint(true);
  }

  addMesh(geometry) {
    const mesh = new Mesh(geometry, this.material);
    mesh.castShadow = true;
    this.add(mesh);
    return mesh;
  }

  addPalm() {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(new Float32Array(3 * 2 * PALM.length), 3));
    const n = PALM.length;
    const faces = [];
    for (let i = 1; i < n - 1; i++) faces.push(0, i, i + 1, n, n + i + 1, n + i);
    for (let i = 0; i < n; i++) { const j = (i + 1) % n; faces.push(i, n + i, j, j, n + i, n + j); }
    geometry.setIndex(faces);
    this.palm = new Mesh(geometry, this.material);
    this.material.side = DoubleSide;
    this.palm.castShadow = true;
    this.palm.frustumCulled = false;
    this.add(this.palm);
  }

  /** Colour the flesh for a dark or a light page. */
  tint(dark) {
    this.material.color.set(dark ? 0xb9b2a6 : 0xd9d1c4).lerp(this.colour, 0.22);
  }

  /** Take where the hand is (tenths of a millimetre), null = unknown now. */
  aim(pose) {
    const appears = pose && !this.visible;
    this.visible = Boolean(pose);
    if (!pose) return;
    this.targets.forEach((target, i) => target.fromArray(pose.points, 3 * i).multiplyScalar(TENTHS));
    if (appears) this.points.forEach((point, i) => point.copy(this.targets[i]));
    this.aimed = pose.spindles;
    this.material.opacity = pose.status === 'OK' ? 1 : 0.6;
  }

  /** Show activities from 0 to 1 of the full scale, null = unknown. */
  colourMuscles(parts) {
    while (this.spindles.length < parts.length) this.addSpindle();
    parts.forEach((part, i) => {
      const { material } = this.spindles[i];
      const colour = activityColour(part);
      material.color.setRGB(...colour.map((c) => c / 255), 'srgb');
      material.emissive.copy(material.color);
      material.emissiveIntensity = part === null ? 0 : 0.15 + 0.75 * Math.min(part, 1);
      material.opacity = part === null ? 0.35 : 0.95;
      this.ghosts[i].material.color.copy(material.color);
    });
  }

  addSpindle() {
    const material = new MeshStandardMaterial({ roughness: 0.5, transparent: true });
    const mesh = new Mesh(new SphereGeometry(1, 24, 16), material);
    mesh.anchor = new Vector3();
    this.spindles.push(mesh);
    // What lies behind flesh shines through a little, so that every muscle is seen from everywhere.
    const ghost = new Mesh(mesh.geometry, new MeshBasicMaterial({ transparent: true, opacity: 0.4, depthTest: false }));
    ghost.renderOrder = 1;
    mesh.renderOrder = 2;
    this.ghosts.push(ghost);
    this.add(mesh, ghost);
  }

  /** Move on by some seconds. */
  step(seconds) {
    if (!this.visible) return;
    const part = 1 - Math.exp(-seconds / SMOOTHING);
    this.points.forEach((point, i) => point.lerp(this.targets[i], part));
    this.joints.forEach((joint, i) => joint.position.copy(this.points[i]));
    for (const [a, b, mesh] of this.bones) span(mesh, this.points[a], this.points[b]);
    this.movePalm();
    this.moveSpindles();
  }

  movePalm() {
    const [wrist, index, little] = [0, 5, 17].map((i) => this.points[i]);
    const back = index.clone().sub(wrist).cross(little.clone().sub(wrist)).normalize();
    const position = this.palm.geometry.attributes.position;
    PALM.forEach((landmark, i) => {
      for (const [row, sign] of [[i, 1], [PALM.length + i, -1]]) {
        const place = this.points[landmark].clone().addScaledVector(back, sign * 0.008);
        position.setXYZ(row, place.x, place.y, place.z);
      }
    });
    position.needsUpdate = true;
    this.palm.geometry.computeVertexNormals();
  }

  moveSpindles() {
    // Spindles come with the newest pose; they follow the smoothed hand by how far its wrist lags behind.
    const lag = this.points[0].clone().sub(this.targets[0]);
    this.spindles.forEach((mesh, i) => {
      const row = this.aimed?.[i];
      const ghost = this.ghosts[i];
      mesh.visible = ghost.visible = Boolean(row) && row.every((v) => v !== null);
      if (!mesh.visible) return;
      const [from, to] = [0, 3].map((k) => new Vector3().fromArray(row, k).multiplyScalar(TENTHS).add(lag));
      span(mesh, from, to);
      mesh.scale.set(row[6] * TENTHS, from.distanceTo(to) * 0.56, row[6] * TENTHS);
      for (const part of ['position', 'quaternion', 'scale']) ghost[part].copy(mesh[part]);
      mesh.anchor.lerpVectors(from, to, NAME_AT[i % NAME_AT.length]);
    });
  }
}

/** Lay a mesh of unit height along y between two points. */
function span(mesh, from, to) {
  const along = to.clone().sub(from);
  const length = Math.max(along.length(), 1e-5);
  mesh.position.copy(from).addScaledVector(along, 0.5);
  mesh.quaternion.setFromUnitVectors(UP, along.divideScalar(length));
  mesh.scale.set(1, length, 1);
}
