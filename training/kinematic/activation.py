"""What the muscles of a simulated hand do: documented formulas, plausible, never a person's truth.

For each muscle, with all constants in `person.Muscles` (fractions of MVC):

    x = rest + press @ force + spread * abduction + bend * flexion + stiffness * tempo
    a = (1 - exp(-x)) low-passed at 6 Hz, times (1 + noise * n)

* force of a finger: (velocity / 127) ** exponent times a course that begins 80 ms before its peak, peaks `lead` before
  the key reaches its bottom, falls to `hold` within 140 ms, stays while the key is held and ends `lead` before it is
  let go, since EMG leads movement;
* abduction: of the muscle's own finger to its own side beyond that of a hand at ease, 1 at 25 degrees; flexion: of its
  knuckle likewise, 1 at 60 degrees;
* tempo: notes of the hand per second, smoothed, 1 at ten: min |a|^2 has no co-contraction, players have;
* n: unit noise low-passed at 6 Hz: what an EMG envelope shows and no movement explains.

Letters: T times, M muscles in the order of `anatomy.MUSCLES`, five fingers.
"""

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.curves import follow
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.kinematic.person import Muscles
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from pianokpm_ros.emg.processing import low_pass_sections

FloatArray = NDArray[np.floating]

OWN_FINGER = np.array([4, 0, 1, 2, 2, 3])
OWN_SIDE = np.array([1, -1, -1, -1, 1, 1])
"""Finger that each muscle moves, and to which side: 1 the little finger's, -1 the thumb's."""

FULL_SPREAD, FULL_BEND, FULL_TEMPO = np.deg2rad(25.0), np.deg2rad(60.0), 10.0
RISE, FALL, END = 0.08, 0.14, 0.08
"""Of a stroke's course [s]."""

CUTOFF = 6.0
"""Of the envelopes, as `emg.processing` makes them from real EMG [Hz]."""

TEMPO_SMOOTHING = 0.4


def knuckle_angles(landmarks: FloatArray, axes: FloatArray) -> FloatArray:
    """Angles of each finger's first link in the palm.

    Args:
        landmarks: (T, 21, 3) [m] of a right hand.
        axes: (T, 3, 3), columns are the palm's axes, in the same frame.

    Returns:
        (T, 5, 2) [rad]: to the little finger's side from straight ahead, and bent down.
    """
    first = landmarks[:, 2::4] - landmarks[:, 1::4]
    local = np.einsum('tji,tfj->tfi', axes, first)
    sideways = np.arctan2(local[..., 0], local[..., 1])
    down = np.arctan2(-local[..., 2], np.hypot(local[..., 0], local[..., 1]))
    return np.stack([sideways, down], axis=-1)


def stroke_forces(notes: tuple[Note, ...], muscles: Muscles, at: FloatArray) -> FloatArray:
    """Intended force of each finger, (T, 5), 1 at the hardest stroke."""
    forces = np.zeros((len(at), 5))
    for note in notes:
        peak = note.onset - muscles.lead
        end = max(note.end - muscles.lead, peak + FALL)
        times = [peak - RISE, peak, peak + FALL, end, end + END]
        near = slice(*np.searchsorted(at, (times[0], times[-1])))
        course = follow(times, [0.0, 1.0, muscles.hold, muscles.hold, 0.0], at[near])
        forces[near, note.finger - 1] += course * (note.velocity / 127) ** muscles.exponent
    return forces


def tempo(notes: tuple[Note, ...], at: FloatArray) -> FloatArray:
    """Notes a second around (T,) evenly spaced times [s], 1 at ten."""
    if len(at) < 2:
        return np.zeros(len(at))
    step = at[1] - at[0]
    count, _ = np.histogram([n.onset for n in notes], np.append(at, at[-1] + step))
    return gaussian_filter1d(count / step, TEMPO_SMOOTHING / step) / FULL_TEMPO


def smooth_noise(count: int, rate: float, rng: np.random.Generator) -> FloatArray:
    """Unit noise below `CUTOFF`, (T, 6)."""
    warm_up = int(rate)
    white = rng.normal(size=(count + 2 * warm_up, len(OWN_FINGER)))
    smooth = signal.sosfiltfilt(low_pass_sections(rate, CUTOFF), white, axis=0)[warm_up:-warm_up]
    # The deviation a filter leaves is known: by Parseval, from its squared gain applied twice.
    frequency, gain = signal.sosfreqz(low_pass_sections(rate, CUTOFF), 8192, fs=rate)
    return smooth / np.sqrt(np.mean(np.abs(gain) ** 4))


def activate(
    forces: FloatArray,
    angles: FloatArray,
    speed: FloatArray,
    muscles: Muscles,
    rate: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Apply the formulas above.

    Args:
        forces: (T, 5).
        angles: (T, 5, 2) [rad] beyond those of a hand at ease.
        speed: (T,) tempo.
        muscles: of the person.
        rate: of the T samples [Hz].
        rng: for what no movement explains.

    Returns:
        (T, 6) envelopes, 0..1.
    """
    own = angles[:, OWN_FINGER]
    spread = np.clip(own[..., 0] * OWN_SIDE / FULL_SPREAD, 0.0, 1.5)
    bend = np.clip(own[..., 1] / FULL_BEND, 0.0, 1.5)
    drive = forces @ muscles.press.T + muscles.spread * spread + muscles.bend * bend
    drive += muscles.rest + muscles.stiffness * speed[:, None]
    smooth = signal.sosfiltfilt(low_pass_sections(rate, CUTOFF), 1.0 - np.exp(-drive), axis=0)
    noisy = smooth * (1.0 + muscles.noise * smooth_noise(len(drive), rate, rng))
    return np.clip(noisy, 0.0, 1.0)
