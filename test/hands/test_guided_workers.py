"""Four real views that help each other; the maker's own calibration."""

import dataclasses

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.rig_formats import load_caliscope
from pianokpm_ros.geometry.triangulation import triangulate
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.region_detector import RegionSettings
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

BOTH = [Side.LEFT, Side.RIGHT]
HOUR = 3_600_000_000_000
SECOND = 1_000_000_000


@pytest.fixture(scope='module')
def engine():
    return HandEngine('lite')


@pytest.fixture
def workers(shared_data, engine):
    made = []

    def make(**settings):
        rig = load_caliscope(shared_data / 'charuco_4cam' / 'camera_array.toml')
        made.append(GuidedWorkers(rig, engine, RegionSettings(**settings)))
        return made[-1]

    yield make
    for w in made:
        w.close()


def moment(frames, index):
    return {f'cam_{n}': frames(n)[index] for n in range(4)}


def blacken(frame):
    return dataclasses.replace(frame, image=np.zeros_like(frame.image))


def test_all_views_agree_on_the_sides_and_nobody_searches_on(frames, workers):
    guided = workers()
    for i in range(90, 96):
        found = guided.process(moment(frames, i))
    assert all(sorted(r.side) == BOTH for r in found.values())
    # Once in each view at the start, perhaps again while a view has yet to find its second hand.
    assert all(d.counters.searches <= 2 for d in guided.detectors.values())
    before = {n: d.counters.searches for n, d in guided.detectors.items()}
    guided.process(moment(frames, 96))
    assert before == {n: d.counters.searches for n, d in guided.detectors.items()}


def test_a_view_that_was_blind_gets_both_hands_from_the_others(frames, workers):
    guided = workers(search_period=HOUR, idle_period=HOUR)  # after the first, nobody searches
    for i in range(90, 93):
        dark = moment(frames, i)
        dark['cam_2'] = blacken(dark['cam_2'])
        found = guided.process(dark)
        assert found['cam_2'].count == 0
    searches = guided.detectors['cam_2'].counters.searches
    for i in range(93, 100):  # looked at again after a pause of 130 ms
        found = guided.process(moment(frames, i))
    assert sorted(found['cam_2'].side) == BOTH
    assert guided.counters.rescued >= 2
    assert guided.detectors['cam_2'].counters.searches == searches


def test_labels_that_contradict_the_other_views_are_put_right(frames, workers):
    guided = workers()
    for i in range(90, 93):
        found = guided.process(moment(frames, i))
    wrong = guided.detectors['cam_0']
    wrong.rename([Side.LEFT if s == Side.RIGHT else Side.RIGHT for s in found['cam_0'].side])
    after = guided.process(moment(frames, 93))['cam_0']
    left = {n: r.pixels[list(r.side).index(Side.LEFT), 0] for n, r in found.items()}
    now = after.pixels[list(after.side).index(Side.LEFT), 0]
    # A frame later the wrist is within centimetres, some tens of pixels; the other hand is 300 px away.
    assert np.linalg.norm(now - left['cam_0']) < 60
    assert guided.counters.renamed >= 2


def test_a_picture_of_another_moment_is_not_fused(frames, workers):
    guided = workers(search_period=1)
    for i in range(90, 93):
        guided.process(moment(frames, i))
    mirrored = moment(frames, 93)
    frame = mirrored['cam_1']
    flipped = np.ascontiguousarray(frame.image[:, ::-1])
    mirrored['cam_1'] = dataclasses.replace(frame, image=flipped)
    found = guided.process(mirrored)
    assert all(sorted(found[n].side) == BOTH for n in ('cam_0', 'cam_2', 'cam_3'))
    rig = guided.rig
    # What stays of the mirrored view must agree with the others, to a third of a hand (100 px).
    for k, side in enumerate(found['cam_1'].side):
        others = [n for n in found if n != 'cam_1']
        pixels = np.stack([found[n].pixels[list(found[n].side).index(side)] for n in others])
        points = triangulate([rig.camera(n) for n in others], pixels).points
        off = rig.camera('cam_1').project(points) - found['cam_1'].pixels[k]
        assert np.median(np.linalg.norm(off, axis=1)) < 100


def paint_over(frame, record, side):
    """Hide a hand that was found, generously."""
    image = frame.image.copy()
    for k in np.flatnonzero(record.side == side):
        low = np.maximum(record.pixels[k].min(axis=0).astype(int) - 40, 0)
        high = record.pixels[k].max(axis=0).astype(int) + 40
        image[low[1] : high[1], low[0] : high[0]] = 127
    return dataclasses.replace(frame, image=image)


@pytest.mark.parametrize(('rate', 'at_once'), [(6, 4), (30, 1), (60, 1)])
def test_a_missing_hand_is_looked_for_as_often_whatever_the_rate(
    take_with_one_hand, engine, rate, at_once
):
    rig, together = take_with_one_hand
    guided = GuidedWorkers(rig, engine, RegionSettings())
    step, counts = SECOND // rate, []
    for i in range(rate):
        guided.process({n: dataclasses.replace(f, stamp=i * step) for n, f in together.items()})
        counts.append([d.counters.searches for d in guided.detectors.values()])
    guided.close()
    # In the first set all views look; one second after it each has looked again every 150 ms.
    wanted = 1 + (1 - 1 / rate) / max(0.15, 1 / rate)
    assert np.abs(np.array(counts[-1]) - wanted).max() <= 2
    assert np.diff(counts, axis=0).sum(axis=1).max() == at_once


@pytest.mark.parametrize('rate', [6, 60])
def test_a_hidden_hand_is_looked_for_where_the_others_see_it_as_often_whatever_the_rate(
    take_with_one_hand, take_with_both, engine, rate
):
    rig, hidden = take_with_one_hand
    together = {**take_with_both[1], 'top': hidden['top']}
    guided, step = GuidedWorkers(rig, engine, RegionSettings()), SECOND // rate
    for i in range(rate):
        found = guided.process(
            {n: dataclasses.replace(f, stamp=i * step) for n, f in together.items()}
        )
    guided.close()
    assert Side.LEFT not in found['top'].side
    assert all(sorted(found[n].side) == BOTH for n in found if n != 'top')
    pause = max(0.13, 1 / rate)
    assert guided.counters.in_vain == pytest.approx(1 / pause, abs=1.5)


@pytest.fixture(scope='module')
def take_with_both():
    """Return the rig of the take that ships and the first frame of each view."""
    take = load_take(find_asset('takes/demo'))
    together = {}
    for name, path in take.videos.items():
        source = VideoFile(name, path)
        source.open()
        together[name] = source.read()
        source.close()
    return take.rig, together


@pytest.fixture(scope='module')
def take_with_one_hand(take_with_both, engine):
    """Return the same with the left hand painted over."""
    rig, together = take_with_both
    guided = GuidedWorkers(rig, engine, RegionSettings())
    found = guided.process(together)
    guided.close()
    assert all(sorted(r.side) == BOTH for r in found.values())
    return rig, {n: paint_over(f, found[n], Side.LEFT) for n, f in together.items()}


def test_a_hand_that_leaves_all_views_leaves_no_ghost_and_is_found_when_it_comes_back(
    frames, workers
):
    whole = workers()
    seen = {i: whole.process(moment(frames, i)) for i in range(93, 97)}
    guided = workers()
    counts = []
    for i in range(90, 111):
        together = moment(frames, i)
        if i in seen:
            together = {n: paint_over(f, seen[i][n], Side.LEFT) for n, f in together.items()}
        found = guided.process(together)
        counts.append([list(r.side).count(Side.LEFT) for r in found.values()])
        # What hides one hand may hide a part of the other in some view, but never makes another.
        assert all(list(r.side).count(Side.RIGHT) <= 1 for r in found.values())
    away, back = np.array(counts[4:7]), np.array(counts[-1])
    assert away.sum() == 0 and (np.array(counts[:3]) == 1).all()
    # Each view looks for palms every 150 ms; once two have the hand, the others are told where.
    assert (back == 1).all()
