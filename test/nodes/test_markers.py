"""Markers of a hand: in the pose's frame, muscles where the view draws them, nothing where nothing is known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from visualization_msgs.msg import Marker

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.nodes.hand_markers import make_markers
from pianokpm_ros.view.muscle_shapes import place_spindles
from pianokpm_ros.view.palette import UNKNOWN_ACTIVITY, activity_colour
from test.viewer.makers import ORIGIN, load_hands, make_activity, make_pose

RIGHT = load_hands()[1]


def draw(activity=None, points=RIGHT):
    made = make_markers(make_pose(0, Side.RIGHT, points), activity, 0.5).markers
    return {m.ns: m for m in made}


def test_muscles_are_spindles_from_origin_to_insertion_in_the_colour_of_their_activity():
    activity = make_activity(0, Side.RIGHT)
    made = draw(activity)
    for i, row in enumerate(place_spindles(RIGHT.astype(float), Side.RIGHT, MUSCLES)):
        marker = made[f'right/muscles/{MUSCLES[i]}']
        q, p = marker.pose.orientation, marker.pose.position
        half = Rotation.from_quat([q.x, q.y, q.z, q.w]).apply([marker.scale.x / 2.2, 0, 0])
        centre = np.array([p.x, p.y, p.z])
        np.testing.assert_allclose([centre - half, centre + half], [row[:3], row[3:6]], atol=1e-6)
        shown = np.array([marker.color.r, marker.color.g, marker.color.b]) * 255
        expected = activity_colour(float(activity.activation[i]) / 0.5)
        np.testing.assert_allclose(shown, expected, atol=0.01)
    assert 'estimated (model trained on simulated EMG)' in made['right/label'].text


def test_markers_carry_the_pose_s_frame_and_stamp_and_vanish():
    for marker in draw(make_activity(0, Side.RIGHT)).values():
        assert marker.header.frame_id == 'rig'
        assert marker.header.stamp.sec * 10**9 + marker.header.stamp.nanosec == ORIGIN
        assert 0 < marker.lifetime.nanosec < 10**9 and marker.action == Marker.ADD


def test_what_is_unknown_is_not_drawn_or_grey():
    unknown = RIGHT.copy()
    unknown[3] = np.nan
    assert draw(make_activity(0, Side.RIGHT), unknown) == {}
    assert set(draw()) == {'right/joints', 'right/bones'}
    lost = draw(make_activity(0, Side.RIGHT, Status.INVALID))['right/muscles/1DI'].color
    assert lost.r * 255 == pytest.approx(UNKNOWN_ACTIVITY[0], abs=0.01) and lost.a < 0.5


def test_brighter_means_more():
    light = [sum(activity_colour(v)) for v in np.linspace(0, 1, 41)]
    assert light == sorted(light) and light[-1] > 2 * light[0]
    assert activity_colour(-1) == activity_colour(0) and activity_colour(9) == activity_colour(1)
