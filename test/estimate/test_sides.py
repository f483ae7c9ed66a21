import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.offline.sides import call_by_poses

from . import scene


@pytest.fixture
def poses(rig):
    (views,) = scene.film(rig, 1)
    return HandTriangulator(rig).process(FrameSet(scene.START, views))


def see(rig, sides):
    hands = [scene.make_hand(s) for s in (Side.LEFT, Side.RIGHT)]
    return scene.see(rig.camera('top'), hands, sides, scene.START)


@pytest.mark.parametrize('labels', [(1, 2), (2, 1), (2, 2), (0, 0)])
def test_hands_are_called_as_the_poses_call_them(rig, poses, labels):
    hands = see(rig, labels)
    called = call_by_poses(hands, poses, rig.camera('top'))
    assert called.side.tolist() == [Side.LEFT, Side.RIGHT]
    assert hands.side.tolist() == list(labels) and called.pixels is hands.pixels


def test_what_lies_elsewhere_or_has_no_pose_keeps_its_label(rig, poses):
    far = [scene.make_hand(Side.LEFT) + (0.0, 0.25, 0.0)]
    hands = scene.see(rig.camera('top'), far, (2,), scene.START)
    assert call_by_poses(hands, poses, rig.camera('top')).side.tolist() == [2]
    unknown = {s: type(p)(**{**vars(p), 'status': Status.INVALID}) for s, p in poses.items()}
    assert call_by_poses(see(rig, (2, 1)), unknown, rig.camera('top')).side.tolist() == [2, 1]
    nothing = scene.see(rig.camera('top'), [], (), scene.START)
    assert call_by_poses(nothing, poses, rig.camera('top')).count == 0
    lost = see(rig, (2, 1))
    lost.pixels[:] = np.nan
    assert call_by_poses(lost, poses, rig.camera('top')).side.tolist() == [2, 1]
