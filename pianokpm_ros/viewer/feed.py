"""What one browser is sent: text with all that changed since the last time, and pictures.

Lengths are in tenths of a millimetre, times in seconds after the state's origin; null = unknown.
"""

import json
import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.muscle.features import FAR
from pianokpm_ros.records import NANOSECONDS, MuscleActivity
from pianokpm_ros.view.bars import NORMALIZATION_WORDS
from pianokpm_ros.view.muscle_shapes import place_spindles
from pianokpm_ros.view.palette import label_estimate
from pianokpm_ros.viewer.cameras import CameraView, describe_hands
from pianokpm_ros.viewer.placing import place_hand
from pianokpm_ros.viewer.state import Content, HandState, ViewState
from pianokpm_ros.viewer.traces import Piece, Trace

if TYPE_CHECKING:
    from pianokpm_ros.viewer.measured import Measured, MeasuredHand

LOST = NANOSECONDS // 2
"""A pose or estimate older than this is not shown as if it were now [ns]."""

CAMERA_PERIOD = 1 / 15
"""Between two updates of the cameras [s]."""

SHOWN_UNITS = {'V': ('µV', 1e6, 2), 'mvc': ('of MVC', 1.0, 4)}
"""Unit of a stream: as shown, how many of those make one, digits after the point."""

TENTHS = 1e4
"""Of a millimetre in a metre."""


def clean(values: NDArray, digits: int) -> list[Any]:
    """Turn numbers into lists, rounded, unknown ones into None."""
    rounded = np.round(np.asarray(values, float), digits)
    return np.where(np.isfinite(rounded), rounded, None).tolist()


def number(value: float, digits: int) -> float | None:
    """Return a number, rounded; None = unknown."""
    return round(float(value), digits) if math.isfinite(value) else None


class Feed:
    """Follow a state for one browser."""

    def __init__(self, state: ViewState) -> None:
        self._state, self._number = state, 0
        self._generation = -1
        self._forget()

    def _forget(self) -> None:
        self._sent = {Side.LEFT: 0, Side.RIGHT: 0}
        self._stream, self._electrodes = 0, dict[Side, int]()
        self._cameras: dict[str, int] = {}
        self._looked = 0.0

    def next(self, player: dict[str, Any] | None = None) -> list[str | bytes]:
        """Return what to send now: a text, then a picture for each camera that has a new one."""
        generation, now = self._state.generation, self._state.now
        begins = generation != self._generation
        if begins:
            self._generation = generation
            self._forget()
        self._number += 1
        with self._state.reading() as content:
            update = self._describe(content, now)
            cameras, pictures = self._look(content)
        update |= {'cameras': cameras, 'begins': begins, 'number': self._number, 'player': player}
        update['faults'] = self._state.faults
        return [json.dumps(update, separators=(',', ':'), allow_nan=False), *pictures]

    def _describe(self, content: Content, now: int) -> dict[str, Any]:
        origin = content.origin if content.origin is not None else now
        hands = content.hands.items()
        return {
            'now': round((now - origin) / NANOSECONDS, 3),
            'hands': {side.label: describe_pose(hand, now) for side, hand in hands},
            'activity': {side.label: describe_activity(hand, now) for side, hand in hands},
            'traces': {
                side.label: self._continue(self._sent, side, hand.trace, origin)
                for side, hand in hands
            },
            'emg': self._describe_measured(content.measured, origin, now),
            'keys': {str(key): number(value, 2) for key, value in content.keys.items()},
        }

    def _continue(
        self, sent: dict[Side, int], side: Side, trace: Trace, origin: int, *form: float
    ) -> dict[str, Any] | None:
        pieces = trace.after(sent.get(side, 0))
        sent[side] = trace.number
        return join_pieces(pieces, origin, *form) if pieces else None

    def _describe_measured(
        self, measured: 'Measured | None', origin: int, now: int
    ) -> dict[str, Any] | None:
        """Return what electrodes give: words, and of each hand that has any its lines."""
        if measured is None:
            return None
        if measured.serial != self._stream:
            self._stream, self._electrodes = measured.serial, {}
        unit, factor, digits = SHOWN_UNITS.get(measured.unit, (measured.unit, 1.0, 4))
        silent = abs(now - measured.newest) > LOST
        hands = {
            side.label: {
                **describe_electrodes(hand, factor, digits),
                'gap': measured.gap,
                'trace': self._continue(
                    self._electrodes, side, hand.trace, origin, factor, digits
                ),
            }
            for side, hand in measured.hands.items()
        }
        return {
            'stream': measured.serial,
            'label': measured.label,
            'unit': unit,
            'words': measured.words,
            'note': measured.note,
            'silent': silent,
            'hands': hands,
        }

    def _look(self, content: Content) -> tuple[dict[str, Any], list[bytes]]:
        """Describe the cameras that show something new; a picture begins with its camera's name and a zero."""
        now = time.monotonic()  # a recording's time may stand still
        idle = now - self._looked < CAMERA_PERIOD
        found, pictures = {}, []
        for name, camera in content.cameras.items():
            if idle or camera.stamp == self._cameras.get(name):
                continue
            self._cameras[name] = camera.stamp
            found[name] = describe_camera(camera)
            picture = camera.read_picture()
            if picture is not None:
                pictures.append(name.encode() + b'\0' + picture)
        self._looked = self._looked if idle else now
        return found, pictures


def describe_pose(hand: HandState, now: int) -> dict[str, Any] | None:
    """Return where a hand and its muscles are; None where that is not known now."""
    pose = hand.pose
    if pose is None or pose.status < Status.DEGRADED or abs(now - pose.stamp) > LOST:
        return None
    placed, known = place_hand(np.asarray(pose.landmarks, float), pose.side, pose.frame_id)
    if not (np.abs(placed) < FAR).all():  # NaN is not less
        return None
    muscles = hand.activity.muscle if hand.activity else ()
    return {
        'points': np.round(placed * TENTHS).astype(int).ravel().tolist(),
        'spindles': clean(place_spindles(placed, pose.side, muscles) * TENTHS, 0),
        'status': pose.status.name,
        'placed': known,
    }


def describe_activity(hand: HandState, now: int) -> dict[str, Any] | None:
    """Return a hand's newest estimate in words and numbers."""
    a = hand.activity
    if a is None:
        return None
    silent = now - a.stamp > LOST
    usable = a.status >= Status.DEGRADED and not silent
    return {
        'status': 'SILENT' if silent else a.status.name,
        'values': clean(a.activation, 4) if usable else [None] * len(a.muscle),
        'deviation': clean(a.deviation, 4) if usable else [None] * len(a.muscle),
        'confidence': number(a.confidence, 3) if usable else None,
        'delay': None if silent else number(hand.delay, 4),
        'rate': round(hand.rate, 1) if not silent else 0.0,
        **_describe_model(a),
    }


def _describe_model(a: MuscleActivity) -> dict[str, Any]:
    return {
        'muscles': list(a.muscle),
        'lookahead': number(a.lookahead, 4),
        'label': label_estimate(a.simulated_training),
        'unit': NORMALIZATION_WORDS.get(a.normalization, 'unknown scale'),
        'model': a.model_id,
        'calibration': a.calibration_id,
    }


def describe_electrodes(hand: 'MeasuredHand', factor: float, digits: int) -> dict[str, Any]:
    """Return what is known of a hand's electrodes as a whole, in a unit of which `factor` make one."""
    return {
        'muscles': list(hand.muscle),
        'scale': clean(hand.scale * factor, digits + 2),
        'mvc': hand.mvc.tolist(),
        'r': clean(hand.r, 2),
    }


def join_pieces(
    pieces: Iterable[Piece], origin: int, factor: float = 1.0, digits: int = 4
) -> dict[str, Any]:
    """Return samples as lists: time (N), value and, where signals have one, deviation (N x M)."""
    stamps, values, deviations = zip(
        *((p.stamp, p.value, p.deviation) for p in pieces), strict=True
    )
    joined = {
        'time': clean((np.concatenate(stamps) - origin) / NANOSECONDS, 3),
        'value': clean(np.concatenate(values) * factor, digits),
    }
    if deviations[0] is not None:
        joined['deviation'] = clean(np.concatenate(deviations) * factor, digits)
    return joined


def describe_camera(camera: CameraView) -> dict[str, Any]:
    """Return what was found in what a camera shows."""
    hands = camera.read_hands()
    return {
        'size': list(hands.size) if hands else None,
        'hands': describe_hands(hands) if hands else [],
        'picture': bool(camera.picture_stamp),
    }
