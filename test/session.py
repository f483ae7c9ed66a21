"""A made-up recording session with known truth: rest, maximum contractions, then a simulated performance.

All clocks can be shifted on purpose; what the estimators of clock errors must find is known.
"""

from dataclasses import dataclass

import numpy as np
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.geometry.rig import Rig, save_rig
from pianokpm_ros.keyboard.key_samples import KeySamples, list_strokes
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE, SessionEvent
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import EmgBlock, EmgOrigin, HandLandmarks, HandPose

from .geometry.conftest import look_at

SECOND = 1_000_000_000
START = 1_764_000_000_123_456_789
EMG_RATE = 2000.0
MVC_VOLTS = np.array([300, 350, 900, 500, 450, 400]) * 1e-6
"""Mean rectified amplitude of each muscle's maximum contraction [V]."""

REST, HOLD, PAUSE = 2.0, 2.0, 1.0
LEAD = REST + len(MUSCLES) * (HOLD + PAUSE)
"""Time before the performance [s]."""


@dataclass(frozen=True)
class Session:
    """The bag and what is true of it; shifts are how late each clock is [s]."""

    bag: str
    performance: object
    start: int
    emg_shift: float
    key_shift: float

    @property
    def play(self):
        """Stamp of the performance's time 0."""
        return self.start + round(LEAD * SECOND)


def make_rig():
    return Rig(
        (
            look_at('top', (0.0, 0.05, 0.7), size=(640, 480)),
            look_at('left', (-0.6, 0.0, 0.35), size=(640, 480)),
        )
    )


def make_session(
    folder,
    seconds=8.0,
    seed=4,
    emg_shift=0.0,
    key_shift=0.0,
    noise=0.4,
    hum=0.0,
    drop=None,
    origin=EmgOrigin.SIMULATED,
):
    """Write a session's bag to a new folder.

    Args:
        folder: of the bag.
        seconds: of playing.
        seed: of everything.
        emg_shift: how late the EMG's stamps are [s].
        key_shift: likewise of the keys.
        noise: of the landmarks [px].
        hum: amplitude of 50 Hz on the EMG [V].
        drop: (first, count) of EMG blocks that are missing.
        origin: what the EMG says of itself.
    """
    rng = np.random.default_rng(seed)
    playing = perform(random_exercise(rng, seconds), rate=240.0, seed=seed)
    session = Session(str(folder), playing, START, emg_shift, key_shift)
    messages = [
        *_views(session, rng, noise),
        *_keys(session),
        *_emg(session, rng, hum, drop, origin),
        *_events(session),
    ]
    with BagWriter(folder) as bag:
        for time, _, topic, item in sorted(messages, key=lambda m: m[:2]):
            if isinstance(item, SessionEvent):
                bag.write(topic, EVENT_TYPE, item.to_cdr(), time)
            else:
                bag.write_record(topic, item, time)
    save_rig(make_rig(), folder / 'rig.yaml')
    return session


def _views(s, rng, noise):
    rig = make_rig()
    stamps = np.arange(0, s.performance.duration, SECOND // 60)
    index = np.searchsorted(s.performance.stamp, stamps)
    for number, i in enumerate(index.tolist()):
        hands = s.performance.landmarks[i]
        at = s.play + int(s.performance.stamp[i])
        for camera in rig.cameras:
            yield (
                at + 30_000_000,
                0,
                f'/{camera.name}/hands',
                see(camera, hands, at, number, rng, noise),
            )
        for side, hand in zip((Side.LEFT, Side.RIGHT), hands, strict=True):
            noisy = hand + rng.normal(0, 0.001, hand.shape)
            yield (at + 45_000_000, 1, f'/hands/{side.label}', make_pose(at, side, noisy, number))


def see(camera, hands, stamp, number, rng, noise):
    pixels = np.stack([camera.project(h) for h in hands])
    world = np.stack([camera.transform(h) - camera.transform(h).mean(0) for h in hands])
    return HandLandmarks(
        stamp, camera.name, camera.frame_id, camera.size, number,
        np.array([Side.LEFT, Side.RIGHT], np.uint8), np.full(2, 0.95, np.float32),
        (pixels + rng.normal(0, noise, pixels.shape)).astype(np.float32),
        world.astype(np.float32), np.full((2, 21), np.nan, np.float32),
    )  # fmt: skip


def make_pose(stamp, side, landmarks, number):
    return HandPose(
        stamp, 'rig', number, side, Status.OK, landmarks.astype(np.float32),
        np.full(21, 0.001, np.float32), np.full((21, 6), 1e-6, np.float32),
        np.full(21, 0.5, np.float32), np.full(21, 2, np.uint8),
    )  # fmt: skip


def midi_keys(performance):
    """What a MIDI keyboard would send: key-down where the key sounds."""
    strokes = list_strokes(performance.sensor_keys())
    stamp, key, down, velocity = (np.array(c) for c in zip(*strokes, strict=True))
    return KeySamples(
        stamp.astype(np.int64), key.astype(np.uint8), down.astype(np.float32),
        np.full(len(stamp), np.nan, np.float32), velocity.astype(np.uint8), 'midi:test',
    )  # fmt: skip


def _keys(s):
    shift = s.play + round(s.key_shift * SECOND)
    for record in midi_keys(s.performance).records(s.performance.duration, start=shift):
        last = record.stamp + round(1e9 * float(max(record.time, default=0)))
        yield (last - round(s.key_shift * SECOND) + 5_000_000, 2, '/keys', record)


def envelopes(s):
    """(N, 6) fraction of MVC of the right hand at EMG_RATE, from the session's start."""
    count = round((LEAD + s.performance.duration / SECOND) * EMG_RATE)
    made = np.full((count, len(MUSCLES)), 0.01)
    for m in range(len(MUSCLES)):
        first = round((REST + m * (HOLD + PAUSE)) * EMG_RATE)
        made[first : first + round(HOLD * EMG_RATE), m] = 1.0
    time = (np.arange(count) / EMG_RATE - LEAD) * SECOND
    playing = time >= 0
    for m in range(len(MUSCLES)):
        made[playing, m] = np.interp(
            time[playing], s.performance.envelope_stamp, s.performance.envelope[1, :, m]
        )
    return made


def _emg(s, rng, hum, drop, origin):
    raw = EmgSynthesizer(EMG_RATE, len(MUSCLES), 7).push(envelopes(s)) * MVC_VOLTS
    time = np.arange(len(raw)) / EMG_RATE
    raw += rng.normal(0, 3e-6, raw.shape) + hum * np.sin(2 * np.pi * 50 * time)[:, None]
    size = round(0.02 * EMG_RATE)
    for number, first in enumerate(range(0, len(raw), size)):
        if drop and drop[0] <= number < sum(drop):
            continue
        stamp = s.start + round(first / EMG_RATE * SECOND)
        block = EmgBlock(
            stamp + round(s.emg_shift * SECOND), number, origin, EMG_RATE, MUSCLES,
            np.full(len(MUSCLES), Side.RIGHT, np.uint8), 'V', 'raw', 'lsl:test',
            raw[first : first + size].astype(np.float32),
        )  # fmt: skip
        yield (stamp + 25_000_000, 3, '/emg', block)


def _events(s):
    def at(seconds):
        return s.start + round(seconds * SECOND)

    def trial(kind, begin, end, **details):
        yield (at(begin), 4, EVENT_TOPIC, SessionEvent(at(begin), 'begin', kind, details))
        yield (at(end), 4, EVENT_TOPIC, SessionEvent(at(end), 'end', kind))

    about = {'subject': 'p07', 'side': 'right', 'sex': 'n/a'}
    yield (s.start, 4, EVENT_TOPIC, SessionEvent(s.start, 'session', '', about))
    yield from trial('rest', 0.1, REST - 0.1)
    for m, muscle in enumerate(MUSCLES):
        begin = REST + m * (HOLD + PAUSE)
        yield from trial('mvc', begin, begin + HOLD, muscle=muscle, side='right')
    end = LEAD + s.performance.duration / SECOND
    yield from trial('task', LEAD, end, task='exercise', trial=0)
