"""Find the scale of a calibration whose lengths are in a unit of its maker, from the size of a hand."""

from contextlib import ExitStack

import numpy as np

from pianokpm_ros.anatomy import Status
from pianokpm_ros.geometry.hand_size import ENDS
from pianokpm_ros.geometry.rig_formats import scale_rig
from pianokpm_ros.offline.analysis import (
    EstimateSettings,
    make_pipeline,
    open_workers,
)
from pianokpm_ros.offline.inputs import InputError, Inputs, replace_rig
from pianokpm_ros.offline.pipeline import StageTimes, detect_ahead, run_pipeline

WRIST_TO_INDEX = 0.09
"""From the wrist to the knuckle of the index finger [m]: an adult's hand of middle size."""

ENOUGH = 90
"""Poses after which the median doesn't move any more."""

LEAST = 10


def fit_scale(inputs: Inputs, settings: EstimateSettings) -> tuple[Inputs, float]:
    """Scale a rig so that the first hands seen have the size of an adult's.

    Returns:
        The inputs with the scaled rig, and the metres in one unit of the old one.
    """
    if inputs.rig is None:
        raise InputError('asked to scale a calibration by the hand, but there is none; give --rig')
    lengths = measure_lengths(inputs, settings)
    if len(lengths) < LEAST:
        raise InputError(
            f'asked to scale the calibration by the hand, but two views saw one in {len(lengths)} '
            f'moments only; {LEAST} are needed, or give --scale a number'
        )
    scale = WRIST_TO_INDEX / float(np.median(lengths))
    return replace_rig(inputs, scale_rig(inputs.rig, scale)), scale


def measure_lengths(inputs: Inputs, settings: EstimateSettings) -> list[float]:
    """Return wrist to index knuckle of the first poses that two views agree on, in the rig's unit."""
    lengths: list[float] = []
    capture = inputs.open_capture()
    with ExitStack() as stack:
        stack.callback(capture.close)
        workers = stack.enter_context(open_workers(inputs, settings.hands))
        pipeline, _ = make_pipeline(inputs.videos, inputs.rig, capture.tolerance, None)
        hands = detect_ahead(workers, capture.read_all(), StageTimes())
        stack.callback(hands.close)
        for batch in run_pipeline(pipeline, hands):
            for moment in batch.moments:
                good = [p for p in moment.poses.values() if p.status == Status.OK]
                lengths += [
                    float(np.linalg.norm(np.subtract(*p.landmarks[list(ENDS)]))) for p in good
                ]
            if len(lengths) >= ENOUGH:
                break
    return lengths
