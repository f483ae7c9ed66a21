#!/usr/bin/env bash
# Make pianokpm_ros/viewer/page/vendor/three.js anew: the parts of three.js (MIT) that the live view uses, in one
# file, so that nothing is fetched when the view runs. Needs npm; the versions are pinned here.
set -euo pipefail
target="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/pianokpm_ros/viewer/page/vendor"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent three@0.187.0 esbuild@0.28.2
cat > parts.js <<'JS'
export {
  AmbientLight, BoxGeometry, BufferAttribute, BufferGeometry, CapsuleGeometry, Color, CylinderGeometry,
  DirectionalLight, DoubleSide, DynamicDrawUsage, Fog, GridHelper, Group, HemisphereLight, InstancedMesh, Matrix4, Mesh,
  MeshBasicMaterial, MeshStandardMaterial, Object3D, PCFSoftShadowMap, PerspectiveCamera, PlaneGeometry,
  Quaternion, Scene, ShadowMaterial, SphereGeometry, SRGBColorSpace, Vector3, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
export { RoundedBoxGeometry } from 'three/examples/jsm/geometries/RoundedBoxGeometry.js';
JS
npx --no-install esbuild parts.js --bundle --minify --format=esm --legal-comments=none \
  --banner:js='/* three.js 0.187.0 (MIT, see LICENSE.three), bundled by scripts/vendor_three.sh */' \
  --outfile="$target/three.js"
cp node_modules/three/LICENSE "$target/LICENSE.three"
wc -c "$target/three.js"
