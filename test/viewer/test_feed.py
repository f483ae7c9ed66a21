"""What browsers are sent: valid JSON whatever comes, every sample once, nothing old as if it were now."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pianokpm_ros.anatomy import LANDMARKS, MUSCLES, Side, Status
from pianokpm_ros.recording.schemas import bag_types, load_store, serialize
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.view.muscle_shapes import palm_axes, place_spindles
from pianokpm_ros.viewer.cameras import LANDMARKS as HAND_LANDMARKS
from pianokpm_ros.viewer.cameras import PICTURE, CameraView
from pianokpm_ros.viewer.feed import Feed
from pianokpm_ros.viewer.placing import HOMES, place_hand
from pianokpm_ros.viewer.playback import BagPlayback, load_recording
from pianokpm_ros.viewer.state import ACTIVITY, DIAGNOSTICS, SHOWN, ViewState
from test.viewer.makers import (
    DELAY,
    FRAME,
    KEY,
    ORIGIN,
    SIDES,
    load_hands,
    make_activity,
    make_frame,
    make_pose,
    value_at,
)

HANDS = load_hands()


class Graph:
    """A state that hears made-up frames, its clock at the arrival of the newest."""

    def __init__(self, count=0):
        self.time, self.number = ORIGIN, 0
        self.state = ViewState(lambda: self.time)
        self.run(count)

    def run(self, count):
        for number in range(self.number, self.number + count):
            for message in make_frame(number, HANDS):
                self.state.hear(*message)
                self.time = message[3]
        self.number += count


def read(parts):
    def refuse(word):
        raise AssertionError(f'{word} is no JSON')

    return json.loads(parts[0], parse_constant=refuse)


def test_every_sample_is_sent_once_at_its_time_and_thinned():
    graph, times, values = Graph(), [], []
    feed = Feed(graph.state)
    for count in (1, 7, 3, 40, 2):
        graph.run(count)
        trace = read(feed.next())['traces']['right']
        times += trace['time']
        values += trace['value']
    assert read(feed.next())['traces']['right'] is None
    np.testing.assert_allclose(times, np.arange(len(times)) * 0.01, atol=1e-9)
    whole = np.concatenate([value_at(n, Side.RIGHT) for n in range(graph.number)])
    # sent with four digits
    np.testing.assert_allclose(values, whole[::10], atol=6e-5)


def test_says_what_is_known_of_now():
    update = read(Feed(Graph(40).state).next())
    assert update['keys'] == {} and update['begins']
    right = update['activity']['right']
    assert right['status'] == 'OK' and right['muscles'] == list(MUSCLES)
    assert right['delay'] == pytest.approx(DELAY * 1e-9) and right['rate'] == pytest.approx(
        50, abs=30
    )
    assert right['values'] == pytest.approx(value_at(39, Side.RIGHT)[-1].tolist(), abs=1e-4)
    assert 'model trained on simulated EMG' in right['label']
    points = np.reshape(update['hands']['left']['points'], (21, 3)) * 1e-4
    np.testing.assert_allclose(points, HANDS[0], atol=1e-4)
    assert read(Feed(Graph(1).state).next())['keys'] == {str(KEY): 1.0}


def test_a_picture_comes_with_its_own_landmarks():
    graph = Graph(8)  # pictures belong to frames 0 and 5
    text, picture = Feed(graph.state).next()
    camera = json.loads(text)['cameras']['top']
    assert camera['picture'] and camera['size'] == [64, 48]
    assert (
        camera['hands'][0]['side'] == 'right' and camera['hands'][0]['pixels'][40:] == [None] * 2
    )
    name, _, jpeg = picture.partition(b'\0')
    assert name == b'top' and jpeg.startswith(b'\xff\xd8')
    with graph.state.reading() as content:
        assert content.cameras['top'].read_hands().stamp == ORIGIN + 5 * FRAME


def test_a_picture_waits_for_its_landmarks_but_not_for_ever():
    messages = [{d: m for _, d, m, _ in make_frame(n, HANDS)} for n in range(0, 30, 5)]
    camera = CameraView()
    camera.hear(PICTURE, messages[0][PICTURE])
    assert camera.read_picture() is None
    camera.hear(HAND_LANDMARKS, messages[0][HAND_LANDMARKS])
    assert camera.read_picture() and camera.read_hands().stamp == camera.picture_stamp == ORIGIN
    for message in messages[1:]:
        camera.hear(PICTURE, message[PICTURE])
    assert camera.picture_stamp == ORIGIN + 10 * FRAME and camera.read_hands() is None


def test_what_is_old_or_invalid_is_not_shown_as_now():
    graph = Graph(5)
    graph.time += 600_000_000
    update = read(Feed(graph.state).next())
    assert update['hands'] == {'left': None, 'right': None}
    assert update['activity']['left']['status'] == 'SILENT'
    assert update['activity']['left']['values'] == [None] * 6
    lost = serialize(make_activity(6, Side.LEFT, Status.INVALID))
    graph.state.hear('/muscle_activity/left', ACTIVITY, lost, ORIGIN + 7 * FRAME)
    graph.time = ORIGIN + 7 * FRAME
    update = read(Feed(graph.state).next())
    assert update['activity']['left']['values'] == [None] * 6
    assert update['traces']['left']['value'][-1] == [None] * 6


def diagnose(state, *names):
    store = load_store()
    kind, status = (
        store.types[f'diagnostic_msgs/msg/{n}'] for n in ('DiagnosticArray', 'DiagnosticStatus')
    )
    for name in names:
        told = status(level=2, name=name, message='hurt', hardware_id='', values=[])
        message = kind(header=bag_types().header(ORIGIN, ''), status=[told])
        state.hear(
            '/diagnostics', DIAGNOSTICS, bytes(store.serialize_cdr(message, DIAGNOSTICS)), ORIGIN
        )


@pytest.mark.parametrize(('namespace', 'own'), [('/', ''), ('/left', 'left/')])
def test_faults_are_those_of_its_own_graph(namespace, own):
    state = ViewState(lambda: ORIGIN, namespace=namespace)
    diagnose(state, 'right/capture_node: state', f'{own}keyboard_node: state')
    assert state.faults == {'keyboard_node': 'hurt'}


def test_faults_of_a_recording_are_those_of_its_own_graph(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_record('/left/muscle_activity/left', make_activity(0, Side.LEFT))
    playback = BagPlayback(load_recording(tmp_path / 'bag'))
    diagnose(playback.state, 'right/capture_node: state', 'left/keyboard_node: state')
    assert playback.state.faults == {'keyboard_node': 'hurt'}


def test_a_clock_set_back_begins_anew():
    graph = Graph(100)
    feed = Feed(graph.state)
    feed.next()
    graph.number = 0
    graph.run(3)
    update = read(feed.next())
    assert update['begins'] and update['traces']['right']['time'] == [
        0.0,
        0.01,
        0.02,
        0.03,
        0.04,
        0.05,
    ]
    assert not read(feed.next())['begins']


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_messages_never_break_the_page(data):
    graph = Graph(1)
    messages = list(make_frame(1, HANDS))
    for topic, datatype, content, came in messages:
        mutated = bytearray(content)
        for _ in range(3):
            place = data.draw(st.integers(4, len(mutated) - 1))
            mutated[place] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(12, len(mutated)))
        assert datatype in SHOWN
        graph.state.hear(topic, datatype, bytes(mutated[:cut]), came)
    read(Feed(graph.state).next())


@pytest.mark.parametrize('side', SIDES)
def test_muscles_lie_where_they_do_in_any_hand_anywhere(side):
    hand = HANDS[SIDES.index(side)].astype(float)
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0]).as_matrix()
    made = place_spindles(hand, side, [*MUSCLES, 'unknown'])
    moved = place_spindles(hand @ turn.T + [1, 2, 3], side, MUSCLES)
    np.testing.assert_allclose(moved[:, :3], made[:-1, :3] @ turn.T + [1, 2, 3], atol=1e-9)
    assert np.isnan(made[-1]).all()
    by_name = dict(zip(MUSCLES, made, strict=False))
    thumb, _, back = palm_axes(hand, side)
    wrist, middle = (hand[LANDMARKS.index(n)] for n in ('wrist', 'middle_mcp'))
    for name in ('1DI', '2DI', '3DI', '4DI'):
        assert (by_name[name][3:6] - middle) @ back > -0.01
    across = [by_name[n][3:6] @ thumb for n in ('1DI', '2DI', '3DI', '4DI', 'ADM')]
    assert across == sorted(across, reverse=True)
    assert by_name['APB'][3:6] @ thumb > by_name['1DI'][:3] @ thumb
    assert back[2] > 0.5 and np.linalg.norm(middle - wrist) < 0.12  # palm down, of human size


@pytest.mark.parametrize('side', SIDES)
def test_hands_of_unknown_place_are_laid_on_the_keys(side):
    hand = HANDS[SIDES.index(side)].astype(float)
    assert place_hand(hand, side, 'rig') == (pytest.approx(hand), True)
    turned = (hand - hand[0]) @ Rotation.from_rotvec([2.0, 0.5, -1.0]).as_matrix().T + [0, 0, 0.3]
    placed, known = place_hand(turned, side, 'top_optical_frame')
    assert not known
    np.testing.assert_allclose(placed[0], HOMES[side])
    thumb, along, back = palm_axes(placed, side)
    np.testing.assert_allclose([along, back], [[0, 1, 0], [0, 0, 1]], atol=1e-9)
    np.testing.assert_allclose(thumb, [-1 if side == Side.RIGHT else 1, 0, 0], atol=1e-9)


def test_poses_with_unknown_landmarks_are_left_out():
    graph = Graph(1)
    points = HANDS[1].copy()
    points[7] = np.nan
    pose = serialize(make_pose(1, Side.RIGHT, points))
    graph.state.hear('/hands/right', 'pianokpm/msg/HandPose', pose, ORIGIN)
    update = read(Feed(graph.state).next())
    assert update['hands']['right'] is None and update['hands']['left'] is not None
