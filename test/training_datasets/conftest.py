"""A small recording with every part."""

import numpy as np
import pytest
from pianokpm_training.datasets.recording import (
    KeyTrack,
    NoteTrack,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
    ViewTrack,
)

from pianokpm_ros.anatomy import MUSCLES, Side

MS = 1_000_000


def _make_recording(name: str = 's01_scales_0_left', subject: str = 's01', seed: int = 0):
    """Make a recording of random numbers in which every part has a rate of its own."""
    random = np.random.default_rng(seed)

    def pose(count: int) -> PoseTrack:
        landmarks = random.normal(size=(count, 21, 3)).astype(np.float32)
        landmarks[0, 3] = np.nan
        stamp = np.arange(count, dtype=np.int64) * 17 * MS + random.integers(0, MS, count)
        return PoseTrack(stamp, landmarks, np.full((count, 21), 0.002, np.float32))

    def signal(count: int, step: int, unit: str) -> SignalTrack:
        stamp = np.arange(count, dtype=np.int64) * step
        samples = random.normal(size=(count, len(MUSCLES))).astype(np.float32)
        return SignalTrack(stamp, samples, MUSCLES, unit, 'raw')

    notes = (np.array([1, 2], np.uint8) for _ in range(4))
    return Recording(
        RecordingInfo(
            name,
            subject,
            'scales',
            0,
            Side.LEFT,
            f'{subject}-0',
            True,
            'MVC',
            'a test',
            {'seed': seed},
        ),
        pose=pose(30),
        pose_truth=pose(40),
        views={'top': ViewTrack(np.array([0, 5]), np.zeros((2, 21, 2), np.float32), (640, 480))},
        keys=KeyTrack(
            np.array([3, 3, 9]),
            np.array([60, 64, 60], np.uint8),
            np.array([0, 0.5, 1], np.float32),
            np.full(3, np.nan, np.float32),
        ),
        notes=NoteTrack(np.array([1, 1]), np.array([5, 9]), *notes),
        emg=signal(1000, MS // 2, 'V'),
        envelope=signal(500, MS, 'mvc'),
        excitation=signal(100, 5 * MS, '1'),
        angles=signal(30, 10 * MS, 'rad'),
    )


@pytest.fixture
def recording() -> Recording:
    """Return a recording with every part."""
    return _make_recording()


@pytest.fixture(name='make_recording')
def get_maker():
    """Return the function that makes recordings by name, subject and seed."""
    return _make_recording
