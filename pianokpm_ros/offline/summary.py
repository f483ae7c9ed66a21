"""What a run found, as plain numbers for `summary.json` and the terminal."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pianokpm_ros.anatomy import BONES, LANDMARKS, Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.offline.analysis import Analysis
from pianokpm_ros.offline.histogram import Histogram
from pianokpm_ros.offline.quality import PoseQuality
from pianokpm_ros.offline.sight import BRIDGE, SightCounter
from pianokpm_ros.offline.truth import EnvelopeScore, LandmarkError
from pianokpm_ros.outputs import whole_file

Summary = dict[str, Any]
SCHEMA, VERSION = 'pianokpm-estimate', 1

SIGHT_METHOD = (
    'in sight: the hand is known in space and all its landmarks project into the picture, gaps up to '
    f'{BRIDGE * 1e-9:g} s bridged; found: the view has a hand at that place'
)


def summarise(found: Analysis) -> Summary:
    """Return the numbers of a first pass."""
    duration = found.duration
    return {
        'schema': SCHEMA,
        'version': VERSION,
        'duration_s': duration,
        'moments': found.sets,
        'frames': dict(found.frames),
        'frame_rate_hz': {n: _rate(c, duration) for n, c in found.frames.items()},
        'pose_rate_hz': {s.label: _rate(found.quality.poses[s].total, duration) for s in SIDES},
        'estimate_rate_hz': {
            s.label: _rate(found.quality.estimates[s].total, duration) for s in SIDES
        },
        'views': summarise_views(found.sight),
        'in_sight_method': SIGHT_METHOD,
        'hands': {s.label: summarise_hand(found.quality, s) for s in SIDES},
        'synchronisation': {
            'complete': found.sync.complete,
            'sets': found.sync.sets,
            'late': found.sync.late,
            'missing': dict(found.sync.missing),
        },
        'truncated_videos': list(found.truncated),
        'messages': dict(found.messages),
    }


def _rate(count: int, duration: float) -> float:
    """Return the rate of evenly spaced events whose first and last lie `duration` [s] apart."""
    return (count - 1) / duration if duration > 0 and count > 1 else float('nan')


def summarise_views(sight: SightCounter) -> Summary:
    """Return what each view found."""
    return {
        name: {
            'frames': frames,
            'frames_without_hand': sight.hands[name][0],
            'frames_with_one_hand': sight.hands[name][1],
            'frames_with_two_hands': sight.hands[name][2],
            'sides': {
                side.label: {
                    'in_sight': sight.counts[name, side].in_sight,
                    'found': sight.counts[name, side].found,
                    'share': sight.counts[name, side].share,
                }
                for side in SIDES
            },
        }
        for name, frames in sight.frames.items()
    }


def summarise_hand(quality: PoseQuality, side: Side) -> Summary:
    """Return how good one hand's poses and estimates are."""
    variation = quality.bones[side].robust_variation()
    return {
        'pose_status': quality.poses[side].shares(),
        'estimate_status': quality.estimates[side].shares(),
        'triangulated_landmarks': int(quality.errors[side].totals[0]),
        'reprojection_error_px': quantiles(quality.errors[side]),
        'bone_length_variation': {
            'what': 'robust CV, 1.4826 MAD / median of each bone; poses from two views or more',
            'median': _median(variation),
            'largest': float(np.nanmax(variation)) if np.isfinite(variation).any() else math.nan,
            'bones': {
                f'{LANDMARKS[a]}-{LANDMARKS[b]}': float(v)
                for (a, b), v in zip(BONES, variation, strict=True)
            },
        },
    }


def quantiles(values: Histogram, factor: float = 1.0) -> Summary:
    """Return median and p90 of a histogram of one row."""
    return {
        'median': factor * float(values.quantile(0.5)[0]),
        'p90': factor * float(values.quantile(0.9)[0]),
    }


def _median(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else math.nan


def summarise_error(error: LandmarkError) -> Summary:
    """Return the landmark error against a simulated take."""
    return {
        side.label: {
            **{f'{k}_mm': v for k, v in quantiles(error.distances[side], 1e3).items()},
            'moments_present': error.present[side],
            'moments_compared': error.compared[side],
        }
        for side in SIDES
        if error.present[side]
    }


def summarise_scores(scores: Mapping[Side, EnvelopeScore]) -> Summary:
    """Return how estimates compare with the simulation."""
    return {
        side.label: {
            'correlation': dict(zip(score.muscle, map(float, score.correlation), strict=True)),
            'rmse': dict(zip(score.muscle, map(float, score.error), strict=True)),
            'seconds': score.seconds,
        }
        for side, score in scores.items()
    }


def summarise_times(found: Analysis, wall: float, drawing: float) -> Summary:
    """Return where the time went; stages in several threads overlap."""
    stages = found.times
    return {
        'stages': {
            name: {'total_s': seconds, 'mean_ms': 1e3 * stages.mean(name)}
            for name, seconds in stages.seconds.items()
        },
        'drawing_s': drawing,
        'total_s': wall,
        'estimate_speed': found.duration / max(wall - drawing, 1e-9),
    }


def save_summary(summary: Summary, path: Path) -> None:
    """Write JSON, complete or not at all; unknown numbers become null, which JSON has instead of NaN."""
    with whole_file(path) as part:
        part.write_text(json.dumps(without_nan(summary), indent=2, allow_nan=False) + '\n')


def without_nan(value: Any) -> Any:
    """Replace NaN and infinity by None, at any depth."""
    if isinstance(value, Mapping):
        return {str(k): without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
