"""What a network sees of a hand whose place in space nobody knows: two pictures of uncalibrated cameras, and 88 keys.

The PianoKPM release holds such recordings. Of each view there are the wrist's place and the palm's size in the picture,
the other landmarks from the wrist in palms, and the fingertips' motion; of the keys all positions and stroke speeds.
Pictures and keys of left hands are mirrored. Nothing later than the newest frame is used.
Letters: T ticks, V frames of a view, F features.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError, ViewTrack
from pianokpm_training.model.layout import Layout
from pianokpm_training.sessions.ticks import inside_gaps

from pianokpm_ros.anatomy import FINGERTIPS, PALM, Side
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.muscle.batch import KeyLookup, Stretch
from pianokpm_ros.muscle.key_features import QUICK
from pianokpm_ros.muscle.timebase import MAX_GAP, TICK, KeyTicks

FloatArray = NDArray[np.floating]

VIEWS = ('top', 'right')
"""As the release calls them; the studio has cameras of these names, for recordings without views."""

WRIST = 0
SMALLEST_PALM = 0.005
"""Of a palm that a picture shows from its edge nothing can be told in palms [picture widths]."""

MOTION_TICKS = 3
"""Fingertips' motion is over so many ticks: between two frames of 60 a second there is more noise than motion."""

MIRROR_SUM = 124
"""A keyboard is symmetric about the D above middle C, MIDI number 62: key k lies where key 124 - k does."""

PER_VIEW = 2 + 1 + 40 + 10
COUNT = len(VIEWS) * PER_VIEW + 2 * KEY_COUNT + len(VIEWS) + 1
FLAT = Layout(
    COUNT, slice(len(VIEWS) * PER_VIEW, len(VIEWS) * PER_VIEW + 2 * KEY_COUNT), COUNT - 1
)


def has_views(views: Mapping[str, ViewTrack]) -> bool:
    """Tell whether a recording has both views, of known size and with two frames or more."""
    tracks = [views.get(name) for name in VIEWS]
    return all(t is not None and min(t.size) > 0 and len(t.stamp) > 1 for t in tracks)


def flat_stretch(views: Mapping[str, ViewTrack], side: Side, keys: KeyLookup) -> Stretch:
    """Compute the features of the ticks that both views span.

    Args:
        views: `VIEWS` among them.
        side: of the hand.
        keys: what is known of them at ticks.

    Returns:
        (T, `FLAT.count`) features, NaN = unknown.
    """
    tracks = [views[name] for name in VIEWS]
    first = max(int(t.stamp[0]) for t in tracks)
    last = min(int(t.stamp[-1]) for t in tracks)
    if last < first + TICK:
        raise DataError('the views top and right share no time; align their stamps')
    ticks = np.arange(-(-first // TICK), last // TICK + 1, dtype=np.int64) * TICK
    seen = [_describe_view(track, side, ticks) for track in tracks]
    known = [np.isfinite(s[:, :2]).all(axis=1, keepdims=True).astype(float) for s in seen]
    heard = keys(ticks)
    parts = [*seen, _describe_keys(heard, side), *known, heard.known[:, None].astype(float)]
    return Stretch(ticks, np.concatenate(parts, axis=1), (first, last))


def _describe_view(track: ViewTrack, side: Side, ticks: NDArray[np.int64]) -> FloatArray:
    """Return the (T, `PER_VIEW`) features of one view."""
    places = _at_ticks(track, side, ticks)
    wrist = places[:, WRIST]
    palm = places[:, list(PALM)]
    size = np.sqrt(((palm - palm.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1))
    size[~(size > SMALLEST_PALM)] = np.nan  # NaN is no size either
    local = (places - wrist[:, None]) / size[:, None, None]
    before = np.maximum(np.arange(len(ticks)) - MOTION_TICKS, 0)
    tips = list(FINGERTIPS)
    moved = (places[:, tips] - places[before][:, tips]) / size[:, None, None]
    shape = np.delete(local, WRIST, axis=1).reshape(len(ticks), -1)
    return np.concatenate([wrist, size[:, None], shape, moved.reshape(len(ticks), -1)], axis=1)


def _at_ticks(track: ViewTrack, side: Side, ticks: NDArray[np.int64]) -> FloatArray:
    """Return the (T, 21, 2) places at ticks, as `place_in_picture` gives them, linear between frames."""
    places = place_in_picture(track, side)
    columns = [_interpolate(ticks, track.stamp, c) for c in places.reshape(len(places), -1).T]
    return np.stack(columns, axis=1).reshape(len(ticks), -1, 2)


def place_in_picture(track: ViewTrack, side: Side) -> FloatArray:
    """Return (V, 21, 2) landmarks of a view of known size, in picture widths from its middle, left hands mirrored."""
    places = (track.pixels.astype(np.float64) - np.array(track.size) / 2) / track.size[0]
    if side == Side.LEFT:
        places[..., 0] *= -1
    return places


def _interpolate(
    ticks: NDArray[np.int64], stamp: NDArray[np.int64], values: FloatArray
) -> FloatArray:
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.full(len(ticks), np.nan)
    found = np.interp(ticks, stamp[known], values[known], np.nan, np.nan)
    found[inside_gaps(ticks, stamp[known], MAX_GAP)] = np.nan
    return found


def _describe_keys(keys: KeyTicks, side: Side) -> FloatArray:
    """Return (T, 2 x 88) positions and stroke speeds; NaN where nothing is known of the keys."""
    values = [keys.position, keys.struck / QUICK]
    if side is Side.LEFT:
        values = [mirror_keys(v) for v in values]
    both = np.concatenate(values, axis=1)
    return np.where(keys.known[:, None], both, np.nan)


def mirror_keys(values: FloatArray) -> FloatArray:
    """Exchange low and high keys of (T, 88) values; those without a partner on the keyboard are at rest, 0."""
    number = MIRROR_SUM - np.arange(FIRST_KEY, FIRST_KEY + KEY_COUNT)
    there = (number >= FIRST_KEY) & (number < FIRST_KEY + KEY_COUNT)
    mirrored = np.zeros_like(values)
    mirrored[:, number[there] - FIRST_KEY] = values[:, there]
    return mirrored
