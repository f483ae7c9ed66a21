// 88 keys that turn about their back edge when they go down, in the keyboard's frame: x right, y away, z up [m].

import {
  Color, DynamicDrawUsage, Group, InstancedMesh, Matrix4, Mesh, MeshStandardMaterial, BoxGeometry, RoundedBoxGeometry,
} from './vendor/three.js';

const DEPTH = 0.02;
const TRAVEL = 0.010; // of a white key's front [m]
const BALANCE = 0.21; // from the front edge to the axis that keys turn about [m]
const PRESSED = new Color(0x009e73);
const SHADES = { white: new Color(0xeae7df), black: new Color(0x24262b) };

export class Keyboard extends Group {
  constructor({ white, black, keys }) {
    super();
    this.places = new Map();
    this.down = new Map();
    for (const [kind, size] of [['white', white], ['black', black]]) {
      this.addKeys(kind, size, keys.filter(([, , isWhite]) => isWhite === (kind === 'white')), white[1]);
    }
    this.addCase(white[1]);
  }

  addKeys(kind, [width, length, height = 0], keys, back) {
    const geometry = new RoundedBoxGeometry(width, length, DEPTH, 2, 0.0012);
    const mesh = new InstancedMesh(geometry, new MeshStandardMaterial({ roughness: kind === 'white' ? 0.35 : 0.5 }), keys.length);
    mesh.instanceMatrix.setUsage(DynamicDrawUsage);
    mesh.castShadow = kind === 'black';
    mesh.receiveShadow = true;
    keys.forEach(([number, x], i) => {
      this.places.set(number, { mesh, i, kind, centre: [x, back - length / 2, height - DEPTH / 2] });
      this.place(number, 0);
    });
    mesh.frustumCulled = false;
    this.add(mesh);
  }

  addCase(back) {
    const wood = new MeshStandardMaterial({ color: 0x101114, roughness: 0.35, metalness: 0.1 });
    const felt = new MeshStandardMaterial({ color: 0x5a1620, roughness: 1 });
    for (const [width, depth, height, x, y, z, material] of [
      [1.44, 0.008, 0.02, 0, back + 0.004, -0.002, felt],
      [1.44, 0.10, 0.07, 0, back + 0.058, -0.012, wood],
      [1.44, 0.03, 0.04, 0, -0.019, -0.034, wood],
      [0.10, back + 0.03, 0.06, -0.675, back / 2 - 0.015, -0.025, wood],
      [0.10, back + 0.03, 0.06, 0.675, back / 2 - 0.015, -0.025, wood],
    ]) {
      const box = new Mesh(new BoxGeometry(width, depth, height), material);
      box.position.set(x, y, z);
      box.receiveShadow = true;
      this.add(box);
    }
  }

  /** Put a key down by a part from 0 (rest) to 1 (bottom). */
  place(number, part) {
    const { mesh, i, kind, centre: [x, y, z] } = this.places.get(number);
    const turn = (part * TRAVEL) / BALANCE;
    const matrix = new Matrix4().makeRotationX(turn).setPosition(x, y, z - turn * (BALANCE - y));
    mesh.setMatrixAt(i, matrix);
    mesh.setColorAt(i, SHADES[kind].clone().lerp(PRESSED, Math.min(part, 1) * 0.85));
    mesh.instanceMatrix.needsUpdate = true;
    mesh.instanceColor.needsUpdate = true;
  }

  /** Show which keys are down: position by number, all others are at rest. */
  update(keys) {
    for (const number of this.down.keys()) if (!(number in keys)) { this.place(number, 0); this.down.delete(number); }
    for (const [name, part] of Object.entries(keys)) {
      const number = Number(name);
      if (this.down.get(number) === part || !this.places.has(number)) continue;
      this.place(number, part);
      this.down.set(number, part);
    }
  }
}
