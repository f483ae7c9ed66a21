import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.offline.pipeline import Moment
from pianokpm_ros.offline.quality import PoseQuality
from pianokpm_ros.offline.sight import SightCounter, is_found, is_inside

from . import scene


def moments_of(rig, sets):
    tracker = HandTriangulator(rig)
    for views in sets:
        frames = FrameSet(max(v.stamp for v in views.values()), views)
        yield Moment(frames, tracker.process(frames), {})


def lose(rig, views, names):
    """Let cameras see nothing in a set."""
    return {
        n: scene.see(rig.camera(n), [], (), v.stamp, v.sequence) if n in names else v
        for n, v in views.items()
    }


def count(rig, sets):
    counter = SightCounter(rig.cameras)
    for moment in moments_of(rig, sets):
        counter.add(moment)
    return counter


def test_all_found_when_all_is_seen(rig):
    counter = count(rig, scene.film(rig, 10))
    for found in counter.counts.values():
        assert (found.in_sight, found.found, found.share) == (10, 10, 1.0)
    assert counter.frames == {'top': 10, 'left': 10}
    assert counter.hands['top'] == [0, 0, 10]


def test_a_view_that_misses_what_another_sees_is_charged(rig):
    sets = scene.film(rig, 10)
    sets[4] = lose(rig, sets[4], ('left',))
    counter = count(rig, sets)
    assert counter.counts['left', Side.RIGHT].found == 9
    assert counter.counts['left', Side.RIGHT].in_sight == 10
    assert counter.counts['top', Side.RIGHT].found == 10


def test_a_short_miss_of_all_views_is_charged_to_all_a_long_absence_to_none(rig):
    sets = scene.film(rig, 60)
    for i in (*range(3, 6), *range(20, 50)):
        sets[i] = lose(rig, sets[i], ('top', 'left'))
    counter = count(rig, sets)
    for found in counter.counts.values():
        # 60 less the 30 frames (0.6 s) of absence; the 3 frames (0.06 s) are missed.
        assert (found.in_sight, found.found) == (30, 27)


def test_a_hand_elsewhere_is_not_the_hand(rig):
    hand = scene.make_hand(Side.RIGHT)
    camera = rig.camera('top')
    pixels = camera.project(hand)
    assert is_found(scene.see(camera, [hand], (1,), 0), pixels)
    assert not is_found(scene.see(camera, [hand + (0.12, 0, 0)], (2,), 0), pixels)
    assert not is_found(scene.see(camera, [], (), 0), pixels)


def test_a_hand_that_is_cut_off_is_not_in_sight(rig):
    camera = rig.camera('top')
    pixels = camera.project(scene.make_hand(Side.RIGHT))
    assert is_inside(pixels, camera.size)
    assert not is_inside(pixels + (camera.size[0] - pixels[:, 0].max(), 0), camera.size)
    assert not is_inside(np.full((21, 2), np.nan), camera.size)


def test_quality_counts_status_and_measures_bones(rig):
    sets = scene.film(rig, 30)
    sets[7] = lose(rig, sets[7], ('left',))
    sets[9] = lose(rig, sets[9], ('left', 'top'))
    quality = PoseQuality()
    for moment in moments_of(rig, sets):
        quality.add(moment)
    shares = quality.poses[Side.LEFT].shares()
    assert shares[Status.OK.name] == pytest.approx(28 / 30)
    assert shares[Status.DEGRADED.name] == shares[Status.INVALID.name] == pytest.approx(1 / 30)
    # Exact pixels: float32 errs by less than the narrowest bin; only the moved finger changes length.
    assert quality.errors[Side.LEFT].quantile(0.9)[0] <= 0.02
    variation = quality.bones[Side.LEFT].robust_variation()
    assert (variation < 0.01).sum() >= 19 and quality.bones[Side.LEFT].totals.tolist() == [28] * 20
