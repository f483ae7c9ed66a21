"""The figure of a take shows what it was given, and says what it is."""

import numpy as np
import pytest
from PIL import Image

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.keyboard.key_presses import KeyPress, find_presses
from pianokpm_ros.keyboard.layout import name_key
from pianokpm_ros.records import KeyMotion
from pianokpm_ros.tracks import TrackError, join_estimates, sample_stamps
from pianokpm_ros.view.piano_roll import choose_keys
from pianokpm_ros.view.plots import SimulatedEnvelope, TakeFigure, make_figure, plot_take

MS = 1_000_000


def texts(figure) -> str:
    found = figure.findobj(match=lambda artist: hasattr(artist, 'get_text'))
    return '\n'.join(artist.get_text() for artist in found)


@pytest.fixture
def take(make_activity) -> TakeFigure:
    activities = [
        make_activity(side, 0.1 * side + 0.001 * i, stamp=i * 20 * MS)
        for i in range(50)
        if not 20 <= i < 30
        for side in (Side.LEFT, Side.RIGHT)
    ]
    stamps = np.arange(1000) * MS
    simulated = {Side.LEFT: SimulatedEnvelope(stamps, np.full((1000, 6), 0.2), MUSCLES)}
    return TakeFigure(
        'two bars',
        0,
        join_estimates(activities),
        [KeyPress(60, 0, 300 * MS, Side.LEFT)],
        simulated,
    )


def test_the_figure_says_estimated_and_simulated_and_names_the_muscles(take):
    words = texts(make_figure(take))
    assert 'estimated (model trained on simulated EMG)' in words
    assert 'simulated (not a person)' in words
    assert 'light@12345678' in words
    assert all(name in words for name in MUSCLES)


def test_values_drawn_are_the_values_given(take):
    axes = make_figure(take).axes
    # axes run row by row: keys, six muscles, trust; two columns
    (simulated, estimate) = axes[2].lines
    np.testing.assert_allclose(simulated.get_ydata(), 0.2)
    times, values = estimate.get_data()
    track = take.tracks[Side.LEFT]
    np.testing.assert_allclose(values[np.isfinite(values)], track.envelope[::2, 0])
    gap = np.flatnonzero(np.isnan(values))
    assert len(gap) == 1
    assert 0.4 < times[gap[0]] < 0.6


def test_the_figure_without_keys_and_truth_and_with_one_hand(take):
    figure = make_figure(TakeFigure('one', 0, {Side.RIGHT: take.tracks[Side.RIGHT]}))
    words = texts(figure)
    assert 'simulated (not a person)' not in words
    assert 'left hand' not in words


def test_the_file_is_a_picture_with_something_on_it(take, tmp_path):
    path = plot_take(take, tmp_path / 'plot.png', 60)
    pixels = np.asarray(Image.open(path).convert('RGB'))
    assert pixels.shape[1] > 600
    assert (pixels < 200).any(axis=2).mean() > 0.02
    assert [p.name for p in tmp_path.iterdir()] == ['plot.png']


def test_no_estimate_cannot_be_drawn():
    with pytest.raises(ValueError, match='no estimate'):
        make_figure(TakeFigure('empty', 0, {}))


def test_an_unknown_take_is_drawn_empty(make_activity, tmp_path):
    tracks = join_estimates(
        [
            make_activity(activation=np.nan, status=Status.INVALID, stamp=i * 20 * MS)
            for i in range(5)
        ]
    )
    assert not tracks[Side.LEFT].known
    assert plot_take(TakeFigure('dark', 0, tracks), tmp_path / 'plot.png', 50).exists()


def test_joined_blocks_keep_every_sample_at_its_time(make_activity):
    activities = [make_activity(stamp=i * 20 * MS, activation=float(i)) for i in range(4)]
    track = join_estimates(activities)[Side.LEFT]
    np.testing.assert_array_equal(track.stamp, np.arange(80) * MS)
    np.testing.assert_array_equal(track.envelope[:, 0], np.repeat(np.arange(4.0), 20))
    np.testing.assert_array_equal(sample_stamps(activities[2]), np.arange(40, 60) * MS)


def test_estimates_of_two_models_are_not_mixed(make_activity):
    import dataclasses

    other = dataclasses.replace(make_activity(), muscle=('A', 'B', 'C', 'D', 'E', 'F'))
    with pytest.raises(TrackError, match='muscle lists'):
        join_estimates([make_activity(), other])


def motion(stamp: int, *samples: tuple[float, int, float]) -> KeyMotion:
    time, key, position = zip(*samples, strict=True) if samples else ((), (), ())
    n = len(time)
    return KeyMotion(
        stamp,
        0,
        np.array(time, float),
        np.array(key, np.uint8),
        np.array(position, float),
        np.full(n, np.nan),
        np.zeros(n, np.uint8),
    )


def test_presses_come_out_of_key_motion():
    motions = [
        motion(0),
        motion(100 * MS, (0.0, 60, 1.0), (0.05, 64, 0.2)),
        motion(200 * MS, (0.0, 60, 1.0), (0.0, 64, 1.0)),
        motion(300 * MS, (0.01, 60, 0.0), (0.02, 64, 1.0)),
    ]
    assert find_presses(motions) == [
        KeyPress(60, 100 * MS, 310 * MS),
        KeyPress(64, 200 * MS, 320 * MS),
    ]


def test_keys_are_named_and_shown_with_room():
    assert [name_key(k) for k in (21, 60, 61, 108)] == ['A0', 'C4', 'C#4', 'C8']
    low, high = choose_keys([KeyPress(60, 0, 1)])
    assert low <= 58 and high >= 62 and high - low == 12
    assert choose_keys([]) == (60, 72)
