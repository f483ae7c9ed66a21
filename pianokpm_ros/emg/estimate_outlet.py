"""Offer the estimate of one hand on LSL, for programs that know no ROS; it says everywhere that it is an estimate."""

from typing import Any

import numpy as np

from pianokpm_ros.emg.amplifier import load_lsl
from pianokpm_ros.records import NANOSECONDS, MuscleActivity
from pianokpm_ros.tracks import sample_stamps
from pianokpm_ros.view.palette import label_estimate

KIND = 'EstimatedMuscleActivity'
"""Content type: not `EMG`, or a program that looks for electrodes would take it for theirs."""

CHUNK_SECONDS = 360
"""What LSL keeps for slow listeners [s]."""


class EstimateOutlet:
    """A stream of M activations, M deviations and the confidence, at the envelope's own rate."""

    def __init__(self, first: MuscleActivity, name: str, scope: str = 'machine') -> None:
        """Open the stream.

        Args:
            first: an estimate: tells hand, muscles, rate and model.
            name: of the stream.
            scope: how far it can be seen, as liblsl names it; the first stream of a process decides.
        """
        self._lsl = load_lsl(scope)
        self._described = _list_facts(first)
        count = 2 * len(first.muscle) + 1
        source = f'pianokpm:{name}'
        info = self._lsl.StreamInfo(name, KIND, count, first.sample_rate, 'float32', source)
        _describe(info.desc(), first)
        self._outlet = self._lsl.StreamOutlet(info, 0, CHUNK_SECONDS)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._outlet.have_consumers())

    def fits(self, activity: MuscleActivity) -> bool:
        """Tell whether an estimate can go on in this stream; another model, or person's file, needs a new one."""
        return _list_facts(activity) == self._described

    def push(self, activity: MuscleActivity, now: int) -> int:
        """Send an estimate's samples at their own times; returns how many.

        Args:
            activity: its envelope's stamps are on the clock of `now`.
            now: on that clock [ns].
        """
        stamps = sample_stamps(activity)
        if not len(stamps):
            return 0
        times = self._lsl.local_clock() + (stamps - now) / NANOSECONDS
        sure = np.full((len(stamps), 1), activity.confidence)
        samples = np.hstack([activity.envelope, activity.envelope_deviation, sure])
        self._outlet.push_chunk(np.ascontiguousarray(samples, np.float32), times.tolist())
        return len(stamps)


def _list_facts(a: MuscleActivity) -> tuple[Any, ...]:
    """List what the stream's description says of all samples."""
    model = (a.model_id, a.calibration_id, a.normalization, a.simulated_training)
    return a.side, a.muscle, a.sample_rate, *model


def _describe(description: Any, a: MuscleActivity) -> None:
    channels = description.append_child('channels')
    labels = [(m, 'activation') for m in a.muscle]
    labels += [(f'{m} deviation', 'standard deviation') for m in a.muscle]
    for label, kind in (*labels, ('confidence', 'confidence')):
        channel = channels.append_child('channel')
        channel.append_child_value('label', label)
        channel.append_child_value('type', f'estimated {kind}')
        channel.append_child_value('unit', a.normalization.name.lower())
        channel.append_child_value('side', a.side.label)
    for key, value in (
        ('origin', 'estimated'),
        ('label', label_estimate(a.simulated_training)),
        ('model', a.model_id),
        ('calibration', a.calibration_id),
        ('normalization', a.normalization.name.lower()),
    ):
        description.append_child_value(key, value)
