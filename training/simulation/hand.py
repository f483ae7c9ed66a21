"""Build a person's right hand as a MuJoCo model: movable arm, 42 muscles, fingertip sites.

Left hands are simulated as right ones in a mirrored world. What is changed against the source, and why:
* ADM and APB are added, and FPB, without which the thumb is too weak to strike; their paths were chosen
  to give plausible moment arms (`test/training_simulation/test_hand.py` holds them to a range).
* Ranges of muscle lengths are refitted (`lengths.py`): in the source several ring and little finger
  muscles leave theirs in the zero posture and are nearly powerless.
* Damping 0.003 N m s/rad (0.05 to 0.5 in the source is numerical, not tissue).
* Finger bones get the inertia of capsules of tissue (1e-4 kg m^2 in the source is 100 times too much).
* The knuckles spread 20 degrees to each side instead of 15, as pianists' hands do for an octave, and
  bend backwards by 20 degrees.
"""

import functools
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.anatomy import (
    Anatomy,
    Bone,
    MusclePath,
    Waypoint,
    load_anatomy,
)
from pianokpm_training.simulation.people import Body

from pianokpm_ros.anatomy import FINGERS

FloatArray = NDArray[np.floating]

DAMPING = 0.003
ARMATURE = 1e-6
SPREAD = 0.349
BACKWARDS = -0.349
DENSITY = 1100.0
PAD = 0.006
"""Depth of the finger's pulp below the end of the bone [m]."""

PRONATION = 1.2
"""Pronation of the forearm while playing [rad]; the rest of the palm's turn comes from the upper arm."""

BASE_JOINTS = ('arm_x', 'arm_y', 'arm_z', 'arm_yaw', 'arm_pitch', 'arm_roll')
LANDMARK_BONES = (
    'lunate',
    *('firstmc', 'proximal_thumb', 'distal_thumb', ''),
    *(b for f in '2345' for b in (f'{f}proxph', f'midph{f}', f'distph{f}', '')),
)
"""The bone whose origin each MediaPipe landmark marks; '' = the finger's tip."""

ADDED = (
    # Forces are choices: in the source 1DI has 61 N and the opponens 180 N, so cross-sections don't settle them.
    MusclePath(
        'ADM',
        (
            Waypoint('pisiform', np.array([-0.004, -0.004, -0.003])),
            Waypoint('fifthmc', np.array([-0.0080, -0.0120, -0.0060])),
            Waypoint('5proxph', np.array([-0.0072, -0.0085, -0.0050])),
        ),
        36.0,
        np.zeros(2),
    ),
    MusclePath(
        'APB',
        (
            Waypoint('trapezium', np.array([0.000, -0.002, -0.012])),
            Waypoint('firstmc', np.array([0.0150, -0.0170, -0.0150])),
            Waypoint('proximal_thumb', np.array([0.0090, -0.0050, -0.0080])),
        ),
        40.0,
        np.zeros(2),
    ),
    MusclePath(
        'FPB',
        (
            Waypoint('trapezium', np.array([-0.004, -0.003, -0.013])),
            Waypoint('firstmc', np.array([0.0125, -0.0220, -0.0190])),
            Waypoint('proximal_thumb', np.array([0.0060, -0.0070, -0.0105])),
        ),
        40.0,
        np.zeros(2),
    ),
)
MODEL_MUSCLES = {
    'ADM': 'ADM',
    'APB': 'APB',
    '1DI': 'RI2',
    '2DI': 'RI3',
    '3DI': 'UI_UB3',
    '4DI': 'UI_UB4',
}
"""Names of the six measured muscles in the model."""


@dataclass(frozen=True, eq=False)
class HandModel:
    """A person's right hand.

    Attributes:
        model: compiled; `nv` = 6 arm and 23 hand joints.
        body: whose.
        joints: names in the order of the model's coordinates.
        muscles: names of the 42 muscles, in the order of the actuators.
        version: of myo-sim.
    """

    model: mujoco.MjModel
    body: Body
    joints: tuple[str, ...]
    muscles: tuple[str, ...]
    version: str

    def joint(self, name: str) -> int:
        """Coordinate of a joint."""
        return self.joints.index(name)

    @property
    def limits(self) -> FloatArray:
        """Ranges of the coordinates, (J, 2) [rad; m]; the arm's are not limited."""
        limited = self.model.jnt_limited.astype(bool)[:, None]
        return np.where(limited, self.model.jnt_range, np.array([-np.inf, np.inf]))

    def site_ids(self, kind: str) -> NDArray[np.int64]:
        """Sites of one kind: `landmark` (21) or `pad` (5)."""
        count = 21 if kind == 'landmark' else len(FINGERS)
        return np.array([self.model.site(f'{kind}_{i}').id for i in range(count)])


@functools.lru_cache(maxsize=32)
def build_hand(body: Body) -> HandModel:
    """Build and compile a person's hand, with refitted muscle lengths."""
    from pianokpm_training.simulation.lengths import fit_length_ranges

    anatomy = scale_anatomy(load_anatomy(), body)
    ranges = {m.name: m.length_range for m in anatomy.muscles}
    first = _make_spec(anatomy, ranges).compile()
    model = _make_spec(anatomy, fit_length_ranges(first)).compile()
    joints = tuple(model.joint(i).name for i in range(model.njnt))
    muscles = tuple(model.actuator(i).name for i in range(model.nu))
    return HandModel(model, body, joints, muscles, anatomy.version)


def finger_of(bone: str) -> int | None:
    """Index of the finger a phalanx belongs to, None for anything else."""
    if 'thumb' in bone:
        return 0
    if 'ph' in bone and any(c in '2345' for c in bone):
        return int(next(c for c in bone if c in '2345')) - 1
    return None


def scale_anatomy(anatomy: Anatomy, body: Body) -> Anatomy:
    """Give the anatomy a person's size, proportions and strength, and the two muscles it lacks."""
    palm = {b.name for b in anatomy.bones if finger_of(b.name) is None} - {
        'humerus',
        'ulna',
        'radius',
    }

    def factor(bone: str) -> FloatArray:
        finger = finger_of(bone)
        long = body.fingers[finger] if finger is not None else 1.0
        broad = body.breadth if bone in palm and bone not in ('lunate', 'firstmc') else 1.0
        return body.size * long * np.array([broad, 1.0, 1.0])

    def move(point: Waypoint) -> Waypoint:
        side = point.side_position
        return Waypoint(
            point.bone,
            point.position * factor(point.bone),
            point.wrap,
            point.side_bone,
            None if side is None else side * factor(point.side_bone),
        )

    random = np.random.default_rng(body.seed)
    muscles = []
    for m in (*anatomy.muscles, *ADDED):
        force = m.force * body.strength * body.size**2
        force *= np.exp(body.muscle_spread * np.clip(random.normal(), -2.5, 2.5))
        path = tuple(map(move, m.path))
        muscles.append(MusclePath(m.name, path, float(force), m.length_range * body.size))
    bones = tuple(
        Bone(b.name, b.parent, b.position * factor(b.parent), b.joints) for b in anatomy.bones
    )
    wraps = {
        n: type(w)(n, w.bone, w.kind, w.size * body.size, w.position * factor(w.bone), w.rotation)
        for n, w in anatomy.wraps.items()
    }
    tips = tuple((b, p * factor(b)) for b, p in anatomy.tips)
    return Anatomy(bones, wraps, tuple(muscles), tips, anatomy.version)


def _make_spec(anatomy: Anatomy, ranges: dict[str, FloatArray]) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.modelname = 'pianist_hand'
    spec.compiler.degree = False
    bodies = {'': _add_arm(spec, anatomy)}
    for bone in anatomy.bones:
        bodies[bone.name] = _add_bone(bodies[bone.parent], bone, anatomy)
    for wrap in anatomy.wraps.values():
        bodies[wrap.bone].add_geom(
            name=wrap.name,
            type=mujoco.mjtGeom(wrap.kind),
            size=wrap.size,
            pos=wrap.position,
            quat=wrap.rotation,
            contype=0,
            conaffinity=0,
            mass=0,
        )
    _add_sites(bodies, anatomy)
    for muscle in anatomy.muscles:
        _add_muscle(spec, bodies, muscle, ranges[muscle.name])
    return spec


def _add_arm(spec: mujoco.MjSpec, anatomy: Anatomy) -> mujoco.MjsBody:
    """Make the joints that move the arm: about the wrist, in the axes of the rig (x right, y away, z up)."""
    arm = spec.worldbody.add_body(name='arm', mass=1e-3, inertia=[1e-6] * 3)
    kinds = (mujoco.mjtJoint.mjJNT_SLIDE,) * 3 + (mujoco.mjtJoint.mjJNT_HINGE,) * 3
    axes = np.eye(3)[[0, 1, 2, 2, 0, 1]]
    for name, kind, axis in zip(BASE_JOINTS, kinds, axes, strict=True):
        arm.add_joint(name=name, type=kind, axis=axis, armature=ARMATURE)
    by_name = {b.name: b for b in anatomy.bones}
    radius, wrist = by_name['radius'], by_name['lunate'].position
    axis = radius.joints[0][1]
    turn, half_turn, back = np.zeros(4), np.array([0.0, 0.0, 0.0, 1.0]), np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, axis, -PRONATION)
    # Of the zero frames seen from the rig: half a turn about z, after the pronation is undone.
    rotation = np.zeros(4)
    mujoco.mju_mulQuat(rotation, half_turn, turn)
    mujoco.mju_negQuat(back, turn)
    turned, offset = np.zeros(3), np.zeros(3)
    mujoco.mju_rotVecQuat(turned, wrist, back)
    mujoco.mju_rotVecQuat(offset, by_name['ulna'].position + radius.position + turned, rotation)
    return arm.add_body(name='elbow', pos=-offset, quat=rotation, mass=1e-3, inertia=[1e-6] * 3)


def _add_bone(parent: mujoco.MjsBody, bone: Bone, anatomy: Anatomy) -> mujoco.MjsBody:
    mass, centre, inertia = _inertia(bone, anatomy)
    body = parent.add_body(
        name=bone.name, pos=bone.position, mass=mass, ipos=centre, inertia=inertia
    )
    for name, axis, limits in bone.joints:
        limits = np.array(limits)
        if name.startswith('mcp'):
            limits = (
                np.array([-SPREAD, SPREAD]) if 'abd' in name else np.array([BACKWARDS, limits[1]])
            )
        body.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=axis,
            range=limits,
            limited=True,
            damping=DAMPING,
            armature=ARMATURE,
        )
    return body


def _inertia(bone: Bone, anatomy: Anatomy) -> tuple[float, FloatArray, FloatArray]:
    """Mass [kg], centre and inertia of a bone with its tissue: a capsule to the next joint."""
    if bone.name in ('humerus', 'ulna', 'radius'):
        return (
            0.5,
            np.zeros(3),
            np.full(3, 1e-3),
        )  # moved by the arm joints, which have no muscles here
    end = next((b.position for b in anatomy.bones if b.parent == bone.name), None)
    if end is None:
        end = dict(anatomy.tips).get(bone.name, np.array([0.0, -0.01, 0.0]))
    carpal = finger_of(bone.name) is None
    radius = 0.010 if carpal else 0.0075
    length = max(float(np.linalg.norm(end)), 2 * radius)
    mass = DENSITY * np.pi * radius**2 * length
    moment = mass * (length**2 / 12 + radius**2 / 4)
    return mass, end / 2, np.array([moment, mass * radius**2 / 2, moment])


def _add_sites(bodies: dict[str, mujoco.MjsBody], anatomy: Anatomy) -> None:
    finger = 0
    for i, bone in enumerate(LANDMARK_BONES):
        if bone:
            bodies[bone].add_site(name=f'landmark_{i}')
            continue
        tip_bone, tip = anatomy.tips[finger]
        bodies[tip_bone].add_site(name=f'landmark_{i}', pos=tip)
        bodies[tip_bone].add_site(name=f'pad_{finger}', pos=tip + _pad_offset(finger, tip))
        finger += 1


def _pad_offset(finger: int, tip: FloatArray) -> FloatArray:
    """From the end of the bone to where it touches a key: the pulp, for the thumb on its outer side."""
    along = tip / np.linalg.norm(tip)
    palmar = np.array([0.0, 0.0, -1.0]) if finger else np.array([0.62, 0.05, -0.78])
    palmar = palmar - along * (along @ palmar)
    return PAD * palmar / np.linalg.norm(palmar) - 0.002 * along


def _add_muscle(
    spec: mujoco.MjSpec,
    bodies: dict[str, mujoco.MjsBody],
    muscle: MusclePath,
    length_range: FloatArray,
) -> None:
    tendon = spec.add_tendon(name=muscle.name)
    for i, point in enumerate(muscle.path):
        if not point.wrap:
            name = f'{muscle.name}_{i}'
            bodies[point.bone].add_site(name=name, pos=point.position)
            tendon.wrap_site(name)
            continue
        side = ''
        if point.side_position is not None:
            side = f'{muscle.name}_side_{i}'
            bodies[point.side_bone].add_site(name=side, pos=point.side_position)
        tendon.wrap_geom(point.wrap, side)
    actuator = spec.add_actuator(
        name=muscle.name, target=muscle.name, trntype=mujoco.mjtTrn.mjTRN_TENDON
    )
    actuator.set_to_muscle(force=muscle.force, timeconst=[0.010, 0.040], tausmooth=0.0)
    actuator.lengthrange = length_range if length_range[1] > length_range[0] else [0.01, 0.02]
