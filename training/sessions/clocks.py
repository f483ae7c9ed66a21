"""Check by physics whether cameras, keys and EMG share one clock.

A fingertip on a key goes down with it: where the tip has sunk to the height at which the key
sounds, key-down must be. Muscles act before the key is down, by less than a quarter second. Letters: L notes, T poses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import NoteTrack, PoseTrack
from pianokpm_training.sessions.notes import REACH
from scipy import ndimage, signal

from pianokpm_ros.anatomy import FINGERTIPS, Side
from pianokpm_ros.keyboard.key_samples import DIP, ESCAPEMENT
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.muscle.timebase import is_camera_frame
from pianokpm_ros.records import NANOSECONDS

FloatArray = NDArray[np.floating]

SEARCH = 0.15
"""Clocks are assumed to be off by no more [s]."""

FINE = 1000.0
LEAST_NOTES = 5
WIDTH = 0.02
"""Strokes scatter by half a frame period and the landmarks' noise; pairs further off are of other strokes [s]."""

LEAST_RATE = 20.0
"""Hands that are seen more rarely can't time a stroke: it lasts 50 to 100 ms [Hz]."""

KEY_LIMIT = 0.02
"""Keys and cameras further apart than this are reported [s]."""

EMG_RANGE = (-0.25, 0.08)
"""When the mean muscle activity around key-down has its peak, if the clocks agree [s]: the muscles'
electromechanical delay is 30-100 ms, and a stroke takes about as long. Muscles that hold the key down go on:
of simulated takes one in ten peaks 40 to 60 ms after key-down."""


@dataclass(frozen=True)
class ClockCheck:
    """How well two streams agree.

    Attributes:
        name: what is compared.
        offset: how late the second stream is against the first [s]; NaN = can't be told.
        error: standard error of it [s].
        count: events it rests on.
        fine: whether it is as physics allows.
        words: what was found and, if something is wrong, what to do.
    """

    name: str
    offset: float
    error: float
    count: int
    fine: bool
    words: str


def check_keys(notes: NoteTrack, poses: dict[Side, PoseTrack]) -> ClockCheck:
    """Compare key-down with the moments at which fingertips over the same key sink in.

    Every stroke is compared with every key-down of its key nearby; the true offset is the one that
    many pairs share, whatever the fingering and however quickly notes repeat.
    """
    name = 'keys against cameras'
    rate = min((t.rate for t in poses.values()), default=np.nan)
    if rate < LEAST_RATE:
        words = (
            f'hands were found {rate:.0f} times a second, too rarely to time key strokes; with videos find them '
            'again: `pianokpm replay BAG --what video --recompute FOLDER`'
        )
        return ClockCheck(name, np.nan, np.nan, 0, False, words)
    strokes = [s for track in poses.values() for s in find_strokes(track)]
    apart = pair_strokes(notes, strokes)
    offset, chosen = find_mode(apart)
    if len(chosen) < LEAST_NOTES:
        words = f'{len(chosen)} key strokes with a visible finger are too few; record {LEAST_NOTES} taps'
        return ClockCheck(name, np.nan, np.nan, len(chosen), False, words)
    spread = 1.4826 * float(np.median(np.abs(chosen - offset)))
    error = 1.2533 * spread / np.sqrt(len(chosen))
    fine = abs(offset) <= KEY_LIMIT
    words = f'keys are {1e3 * offset:+.1f} +- {1e3 * error:.1f} ms late against the fingertips'
    words += '' if fine else '; set the offset of the keys (--key-offset) or find the cause'
    return ClockCheck(name, offset, error, len(chosen), fine, words)


def pair_strokes(notes: NoteTrack, strokes: list[tuple[int, float]]) -> FloatArray:
    """Return key-down minus stroke [s] of all pairs on one key within `SEARCH`."""
    if not strokes or not len(notes.stamp):
        return np.zeros(0)
    time, place = (np.array(v) for v in zip(*strokes, strict=True))
    centres = KEY_CENTRES[notes.key.astype(int) - FIRST_KEY]
    apart = (notes.stamp[:, None] - time[None]) * 1e-9
    near = (np.abs(centres[:, None] - place[None]) <= REACH) & (np.abs(apart) <= SEARCH)
    return apart[near]


def find_mode(values: FloatArray) -> tuple[float, FloatArray]:
    """Return the value that most of (L,) share within `WIDTH`, and those that do."""
    if not len(values):
        return float('nan'), values
    grid = np.arange(-SEARCH, SEARCH, 1.0 / FINE)
    density = np.exp(-0.5 * ((grid[:, None] - values[None]) / (WIDTH / 2)) ** 2).sum(axis=1)
    middle = grid[int(np.argmax(density))]
    for _ in range(3):
        chosen = values[np.abs(values - middle) <= WIDTH]
        middle = float(np.median(chosen)) if len(chosen) else float(middle)
    return float(middle), values[np.abs(values - middle) <= WIDTH]


def find_strokes(track: PoseTrack) -> list[tuple[int, float]]:
    """Find when each fingertip sinks to where a key sounds: (stamp [ns], place along the keys [m]).

    A stroke's bottom is the median height shortly after; the key sounds `1 - ESCAPEMENT` of the dip above it.
    """
    if is_camera_frame(track.frame_id) or len(track.stamp) < 8:
        return []
    origin = int(track.stamp[0])
    time = (track.stamp - origin) * 1e-9
    fine = np.arange(0.0, time[-1], 1.0 / FINE)
    found = []
    for tip in FINGERTIPS:
        points = track.landmarks[:, tip].astype(np.float64)
        known = np.isfinite(points).all(axis=1)
        if known.sum() < 8:
            continue
        place, height = (np.interp(fine, time[known], points[known, i]) for i in (0, 2))
        for moment in _find_sinkings(height):
            index = min(round(moment), len(fine) - 1)
            found.append((origin + round(moment / FINE * NANOSECONDS), float(place[index])))
    return sorted(found)


def _find_sinkings(height: FloatArray) -> list[float]:
    """Return when a course of heights at `FINE` sinks by a key's dip [samples]."""
    reach = round(0.1 * FINE)
    low = ndimage.minimum_filter1d(height, 2 * reach + 1)
    high = ndimage.maximum_filter1d(height, reach, origin=reach // 2 - 1)
    sunk = height <= low + (1 - ESCAPEMENT) * DIP
    found = []
    for i in (np.flatnonzero(sunk[1:] & ~sunk[:-1]) + 1).tolist():
        after = height[i + round(0.02 * FINE) : i + round(0.07 * FINE)]
        if high[i] < low[i] + DIP or not len(after):
            continue
        level = float(np.median(after)) + (1 - ESCAPEMENT) * DIP
        part = height[max(0, i - reach) : i + round(0.02 * FINE)]
        crossings = np.flatnonzero((part[1:] <= level) & (part[:-1] > level))
        if len(crossings):
            j = int(crossings[-1])
            step = (part[j] - level) / (part[j] - part[j + 1])
            found.append(max(0, i - reach) + j + step)
    return found


def check_emg(
    notes: NoteTrack, side: Side, stamp: NDArray[np.int64], envelope: FloatArray
) -> ClockCheck:
    """Compare key-down of one hand with the mean (N, C) envelope of its muscles."""
    name = f'EMG of the {side.label} hand against keys'
    downs = notes.stamp[notes.side == side]
    lag, sharpness, chance = key_lag(stamp, envelope, downs)
    if len(downs) < LEAST_NOTES or not np.isfinite(lag):
        words = f'{len(downs)} notes of this hand with EMG are too few to tell'
        return ClockCheck(name, np.nan, np.nan, len(downs), False, words)
    if sharpness < 0.1:
        words = (
            'muscle activity does not follow the keys: another hand, electrodes, or another clock'
        )
        return ClockCheck(name, lag, np.nan, len(downs), False, words)
    if sharpness <= chance:
        words = 'muscle activity follows the keys no closer than it would by chance: nothing to tell clocks by'
        return ClockCheck(name, np.nan, np.nan, len(downs), False, words)
    fine = EMG_RANGE[0] <= lag <= EMG_RANGE[1]
    words = f'muscles are most active {1e3 * lag:+.0f} ms after key-down'
    words += '' if fine else '; muscles act before: the clocks differ (--emg-offset)'
    return ClockCheck(name, lag, np.nan, len(downs), fine, words)


def key_lag(
    stamp: NDArray[np.int64], envelope: FloatArray, downs: NDArray[np.int64], reach: float = 0.5
) -> tuple[float, float, float]:
    """Compare the mean activity with the strokes.

    Returns:
        When it has its peak around key-down [s], its correlation with the strokes there, and the best correlation
        with strokes that were put elsewhere, round the recording: what chance and a steady rhythm give.
    """
    if not len(downs) or len(stamp) < 2:
        return float('nan'), 0.0, 0.0
    # An electrode that gives nothing must not hide the others.
    alive = np.fmax.reduce(envelope, axis=0) > 0
    if not alive.any():
        return float('nan'), 0.0, 0.0
    envelope = envelope[:, alive]
    step = 1.0 / FINE
    grid = np.arange(stamp[0], stamp[-1], round(step * NANOSECONDS))
    mean = (envelope / np.nanmax(envelope, axis=0)).mean(axis=1)
    known = np.isfinite(mean)
    course = np.interp(grid, stamp[known], mean[known])
    course[~known[np.minimum(np.searchsorted(stamp, grid), len(stamp) - 1)]] = course.mean()
    strokes = np.zeros(len(grid))
    places = np.searchsorted(grid, downs[(downs > grid[0]) & (downs < grid[-1])])
    np.add.at(strokes, np.minimum(places, len(grid) - 1), 1.0)
    strokes = signal.fftconvolve(strokes, signal.windows.gaussian(201, 25), 'same')
    course, strokes = (x - x.mean() for x in (course, strokes))
    norm = np.sqrt((course @ course) * (strokes @ strokes))
    if not norm > 0:
        return float('nan'), 0.0, 0.0
    both = np.fft.irfft(np.fft.rfft(course) * np.fft.rfft(strokes).conj(), len(grid)) / norm
    lags = (np.arange(len(grid)) + len(grid) // 2) % len(grid) - len(grid) // 2
    near = np.abs(lags * step) <= reach
    best = int(np.argmax(np.where(near, both, -np.inf)))
    return float(lags[best] * step), float(both[best]), float(both[~near].max(initial=0.0))
