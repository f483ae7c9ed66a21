import numpy as np
import pytest

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.takes import Performance, save_take
from pianokpm_ros.view.video_writer import VideoWriter

MS = 1_000_000


def press(key, start, hold, depth=1.0):
    """Make (stamp, key, position, velocity) samples at 1 kHz: 10 ms down, `hold` ms still, 20 ms up."""
    down = [(start + i, depth * i / 10, depth * 100.0) for i in range(11)]
    rise = [(start + 10 + hold + i, depth * (1 - i / 20), -depth * 50.0) for i in range(1, 21)]
    return [(t * MS, key, p, v) for t, p, v in down + rise]


@pytest.fixture
def performance():
    """Half a second: key 60 at 100 ms for 200 ms, key 64 at 250 ms for 50 ms, hands that drift apart."""
    samples = sorted(press(60, 100, 200) + press(64, 250, 50))
    stamp, key, position, velocity = map(np.array, zip(*samples, strict=True))
    frames = np.arange(6) * 100 * MS
    landmarks = np.random.default_rng(1).normal(0, 0.05, (1, 2, 21, 3)) + np.zeros((6, 1, 1, 1))
    landmarks[:, 1] += np.arange(6).reshape(-1, 1, 1) * 0.01
    landmarks[4:, 0] = np.nan
    envelope = np.random.default_rng(2).uniform(0, 1, (2, 500, 6))
    return Performance(
        frames,
        landmarks,
        stamp,
        key,
        position,
        velocity,
        np.arange(500) * MS,
        envelope,
        'test',
        7,
        'Two keys.',
    )


@pytest.fixture
def rig():
    matrix = [[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]]
    return Rig(tuple(Camera(n, (64, 48), matrix, [-0.1, 0, 0, 0, 0]) for n in ('top', 'left')))


@pytest.fixture
def make_take(tmp_path, performance, rig):
    def make(path=None):
        videos = {}
        for name in rig.names:
            videos[name] = tmp_path / f'raw_{name}.mp4'
            with VideoWriter(videos[name], (64, 48), 10.0) as writer:
                for stamp in performance.stamp:
                    writer.write(np.zeros((48, 64, 3), np.uint8), int(stamp))
        target = path or tmp_path / 'take'
        return save_take(target, performance, rig, videos, 10.0, {'command': 'a test'})

    return make
