"""Read the anatomy of the hand from myo-sim: bones, joints, muscle paths. Loaded once in a process.

In the bones' frames x points to the thumb's side, y to the elbow, z out of the back of the hand;
all frames are parallel at zero angles. Names lose the suffix of the right side. [m, N, kg]
"""

import functools
import logging
import warnings
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.requirements import require

log = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]
ROOT = 'humerus'


@dataclass(frozen=True, eq=False)
class Bone:
    """One body: its place in its parent, its joint axes (name, axis, range [rad])."""

    name: str
    parent: str
    position: FloatArray
    joints: tuple[tuple[str, FloatArray, FloatArray], ...]


@dataclass(frozen=True, eq=False)
class Wrap:
    """A cylinder or sphere that muscles bend around."""

    name: str
    bone: str
    kind: int
    size: FloatArray
    position: FloatArray
    rotation: FloatArray


@dataclass(frozen=True, eq=False)
class Waypoint:
    """A point on a bone, or (`wrap` set) a surface with the side the muscle passes on."""

    bone: str = ''
    position: FloatArray = field(default_factory=lambda: np.zeros(3))
    wrap: str = ''
    side_bone: str = ''
    side_position: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class MusclePath:
    """A muscle: its path, its largest isometric force [N] and MuJoCo's range of path lengths [m]."""

    name: str
    path: tuple[Waypoint, ...]
    force: float
    length_range: FloatArray


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The right arm from the humerus to the fingertips.

    Attributes:
        bones: parents before children.
        wraps: by name.
        muscles: 39, in the source's order.
        tips: end of the last bone of each finger (bone, position), thumb first.
        version: of the source.
    """

    bones: tuple[Bone, ...]
    wraps: dict[str, Wrap]
    muscles: tuple[MusclePath, ...]
    tips: tuple[tuple[str, FloatArray], ...]
    version: str


def strip(name: str) -> str:
    """Remove the side's suffix."""
    return name.removesuffix('_r')


@functools.cache
def load_anatomy() -> Anatomy:
    """Read the right hand that myo-sim ships."""
    myo_sim = require('myo_sim')
    # MuJoCo's own handler prints to stderr and leaves MUJOCO_LOG.TXT in the working directory.
    mujoco.set_mju_user_warning(log.debug)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about saving the composed model, which isn't done here
        model = myo_sim.load_spec('myohand_r').compile()
    bones = _read_bones(model)
    names = {b.name for b in bones}
    tips = tuple(_read_site(model, f'{f}tip_r') for f in ('TH', 'IF', 'MF', 'RF', 'LF'))
    muscles = tuple(_read_muscle(model, i) for i in range(model.nu))
    wraps = {w.name: w for w in _read_wraps(model) if w.bone in names}
    return Anatomy(bones, wraps, muscles, tips, myo_sim.__version__)


def _read_bones(model: mujoco.MjModel) -> tuple[Bone, ...]:
    root = model.body(f'{ROOT}_r').id
    kept, bones = {root}, []
    for i in range(root, model.nbody):
        if i != root and int(model.body_parentid[i]) not in kept:
            continue
        kept.add(i)
        first, count = model.body_jntadr[i], model.body_jntnum[i]
        joints = tuple(
            (strip(model.joint(j).name), model.jnt_axis[j].copy(), model.jnt_range[j].copy())
            for j in range(first, first + count)
        )
        parent = '' if i == root else strip(model.body(model.body_parentid[i]).name)
        position = np.zeros(3) if i == root else model.body_pos[i].copy()
        bones.append(Bone(strip(model.body(i).name), parent, position, joints))
    return tuple(bones)


def _read_site(model: mujoco.MjModel, name: str | int) -> tuple[str, FloatArray]:
    site = model.site(name).id
    return strip(model.body(model.site_bodyid[site]).name), model.site_pos[site].copy()


def _read_wraps(model: mujoco.MjModel) -> list[Wrap]:
    kinds = (int(mujoco.mjtWrap.mjWRAP_SPHERE), int(mujoco.mjtWrap.mjWRAP_CYLINDER))
    used = {int(o) for o, t in zip(model.wrap_objid, model.wrap_type, strict=True) if t in kinds}
    return [
        Wrap(
            strip(model.geom(g).name),
            strip(model.body(model.geom_bodyid[g]).name),
            int(model.geom_type[g]),
            model.geom_size[g].copy(),
            model.geom_pos[g].copy(),
            model.geom_quat[g].copy(),
        )
        for g in sorted(used)
    ]


def _read_muscle(model: mujoco.MjModel, index: int) -> MusclePath:
    tendon = model.actuator_trnid[index, 0]
    first, path = model.tendon_adr[tendon], []
    for w in range(first, first + model.tendon_num[tendon]):
        target = int(model.wrap_objid[w])
        if model.wrap_type[w] == int(mujoco.mjtWrap.mjWRAP_SITE):
            path.append(Waypoint(*_read_site(model, target)))
            continue
        side = int(model.wrap_prm[w])
        where = _read_site(model, side) if side >= 0 else ('', None)
        path.append(
            Waypoint(
                wrap=strip(model.geom(target).name), side_bone=where[0], side_position=where[1]
            )
        )
    return MusclePath(
        strip(model.actuator(index).name),
        tuple(path),
        float(model.actuator_gainprm[index, 2]),
        model.actuator_lengthrange[index].copy(),
    )
