"""The server on real sockets: who is answered, what a slow browser costs the others, what people may ask."""

import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from dataclasses import replace

import cv2
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.schemas import deserialize
from pianokpm_ros.recording.video import CameraVideo
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import Frame
from pianokpm_ros.viewer.cameras import PICTURE
from pianokpm_ros.viewer.feed import Feed
from pianokpm_ros.viewer.films import Film, open_films
from pianokpm_ros.viewer.hello import describe_view
from pianokpm_ros.viewer.page_server import HOST, ViewerError
from pianokpm_ros.viewer.playback import BagPlayback, load_recording
from pianokpm_ros.viewer.reading import peek_stamp
from pianokpm_ros.viewer.server import CREDIT, ViewServer
from pianokpm_ros.viewer.state import ACTIVITY, ViewState
from test.recording.test_video import wait_for
from test.viewer.makers import FRAME, ORIGIN, load_hands, make_activity, make_frame

HELLO = describe_view('test', live=True)


@pytest.fixture
def server():
    with ViewServer(ViewState(lambda: ORIGIN), HELLO, port=0) as served:
        yield served


def socket_of(server):
    return f'ws://127.0.0.1:{server.port}/live'


def fetch(server, path='', **headers):
    request = urllib.request.Request(server.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def draw(connection, seconds=30.0):
    """Receive the next update and say that it was drawn."""
    while isinstance(text := connection.recv(timeout=seconds), bytes) or 'number' not in text:
        pass
    update = json.loads(text)
    connection.send(json.dumps({'drawn': update['number']}))
    return update


def test_serves_the_page_and_nothing_else(server):
    status, headers, body = fetch(server)
    assert status == 200 and b'main.js' in body and 'text/html' in headers['Content-Type']
    assert "default-src 'self'" in headers['Content-Security-Policy']
    assert fetch(server, 'vendor/three.js')[0] == 200
    for path in ('../server.py', 'vendor/../../server.py', '%2e%2e/server.py', 'vendor', 'x'):
        assert fetch(server, path)[0] == 404


def test_listens_on_this_machine_only_and_says_so_when_not(server):
    assert HOST == '127.0.0.1' and 'everybody' not in server.invitation
    with ViewServer(ViewState(lambda: ORIGIN), HELLO, '0.0.0.0', 0) as open_to_all:
        assert 'everybody' in open_to_all.invitation
        assert fetch(open_to_all)[0] == 200
        assert fetch(open_to_all, Host='evil.example')[0] == 403


@pytest.mark.parametrize(
    'headers', [{'Origin': 'http://evil.example'}, {'Host': 'evil.example'}, {'Origin': 'null'}]
)
def test_other_pages_and_rebound_names_are_refused(server, headers):
    assert fetch(server, **headers)[0] == 403
    with pytest.raises(InvalidStatus):
        connect(socket_of(server), additional_headers=headers)
    forwarded = (
        f'localhost:{server.port + 1}'  # the other end of an SSH tunnel has a port of its own
    )
    assert fetch(server, Host=forwarded, Origin=f'http://{forwarded}')[0] == 200


def test_a_slow_browser_is_sent_no_more_and_keeps_nobody_waiting(server):
    with connect(socket_of(server)) as slow, connect(socket_of(server)) as quick:
        assert json.loads(slow.recv(timeout=30))['title'] == 'test'
        for _ in range(CREDIT):
            slow.recv(timeout=30)
        assert [draw(quick)['number'] for _ in range(20)] == list(range(1, 21))
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.3)
        slow.send('{"drawn": 1}')
        assert json.loads(slow.recv(timeout=30))['number'] == CREDIT + 1
    deadline = time.monotonic() + 30
    while server.viewers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.viewers == 0


def test_nonsense_from_a_browser_does_no_harm(server):
    with connect(socket_of(server)) as connection:
        for words in ('', 'x', '[1]', '{"seek": "y"}', b'\xff'):
            connection.send(words)
        assert draw(connection)['number'] == 1


def test_a_port_in_use_is_told():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ViewerError, match='choose another'),
            ViewServer(ViewState(lambda: 0), HELLO, port=port),
        ):
            pass


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Four seconds of the graph."""
    path = tmp_path_factory.mktemp('view') / 'bag'
    hands = load_hands()
    with BagWriter(path) as writer:
        for number in range(200):
            for topic, datatype, data, came in make_frame(number, hands):
                writer.write(topic, datatype, data, came)
    return path


def test_a_recording_plays_pauses_and_seeks(bag):
    playback = BagPlayback(load_recording(bag), paused=True)
    served = ViewServer(
        playback.state, HELLO, port=0, player=playback.describe, control=playback.control
    )
    with served, connect(socket_of(served)) as connection:
        playback.start()

        def until(condition, seconds=30.0):
            end = time.monotonic() + seconds
            while not condition(update := draw(connection)):
                assert time.monotonic() < end, update['player']
            return update

        assert until(lambda u: True)['player']['playing'] is False
        connection.send('{"seek": 3.0}')
        times: list[float] = []

        def follow(update):
            if update['begins']:
                times.clear()  # as the page does; what came before the seek is gone
            times.extend((update['traces']['right'] or {'time': []})['time'])
            return times and times[-1] >= 2.96

        update = until(follow)
        # all the past that the traces show, up to the samples of the moment, which are those of a frame
        assert times == pytest.approx([0.01 * i for i in range(len(times))]) and times[-1] < 3.02
        assert update['activity']['right']['delay'] == pytest.approx(0.03)
        connection.send('{"rate": 4, "play": true}')
        until(lambda u: not u['player']['playing'] and u['player']['position'] > 3.9)
        connection.send('{"rate": 0.1, "play": true}')
        assert until(lambda u: u['begins'])['player']['position'] < 1.0
        for words in ('{"seek": NaN}', '{"seek": -5}', '{"rate": 1e400}', '{"rate": null}'):
            connection.send(words)
        until(lambda u: u['player']['playing'])
    playback.stop()


def test_pictures_come_from_what_was_filmed_beside_the_bag(bag, tmp_path):
    folder = tmp_path / 'bag'
    shutil.copytree(bag, folder)
    video = CameraVideo(folder / VIDEOS, 'top', rate=50.0)
    for number in range(200):
        image = np.full((48, 64, 3), number, np.uint8)
        video.push(Frame(ORIGIN + number * FRAME, 'top', number, image))
        wait_for(video, number + 1)
    video.close()
    film = Film('top', folder / VIDEOS / 'top.mp4')
    # forwards, far ahead, back again: always the frame of the moment
    for number in (0, 1, 7, 180, 20, 21, 199):
        stamp, message = film.read(ORIGIN + number * FRAME + FRAME // 2)
        assert stamp == peek_stamp(message) == ORIGIN + number * FRAME
        jpeg = np.asarray(deserialize(message, PICTURE).data, np.uint8)
        assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).mean() == pytest.approx(number, abs=6)
    assert film.read(ORIGIN + 199 * FRAME + FRAME // 2) is None
    film.close()
    recording = load_recording(folder)
    messages = [m for m in recording.messages if m.datatype != PICTURE]
    playback = BagPlayback(replace(recording, messages=messages), films=open_films(folder))
    playback.start()
    deadline = time.monotonic() + 30
    while playback.describe()['position'] < 0.5 and time.monotonic() < deadline:
        time.sleep(0.02)
    with playback.state.reading() as content:
        assert content.cameras['top'].read_picture()
    playback.stop()


def test_pictures_come_from_all_that_was_filmed(tmp_path):
    starts = {
        tmp_path / VIDEOS / 'part_10': 400,
        tmp_path / VIDEOS: 0,
        tmp_path / VIDEOS / 'part_2': 200,
    }
    for folder, start in starts.items():
        video = CameraVideo(folder, 'top', rate=50.0)
        for number in range(start, start + 20):
            image = np.zeros((48, 64, 3), np.uint8)
            video.push(Frame(ORIGIN + number * FRAME, 'top', number, image))
            wait_for(video, number - start + 1)
        video.close()
    films = open_films(tmp_path)
    shown = [
        [
            found and (found[0] - ORIGIN) // FRAME
            for found in (f.read(ORIGIN + n * FRAME) for f in films)
        ]
        for n in (5, 201, 300, 405)
    ]
    assert shown == [[5, None, None], [19, 201, None], [None, 219, None], [None, None, 405]]
    assert [f.read(ORIGIN + 3 * FRAME) is not None for f in films] == [True, False, False], (
        'back again'
    )
    for film in films:
        film.close()


def test_videos_that_break_off_or_are_none_do_not_end_the_view(bag, tmp_path):
    folder = tmp_path / 'bag'
    shutil.copytree(bag, folder)
    video = CameraVideo(folder / VIDEOS, 'top', rate=50.0)
    rng = np.random.default_rng(0)
    for number in range(100):
        video.push(
            Frame(
                ORIGIN + number * FRAME, 'top', number, rng.integers(0, 256, (48, 64, 3), np.uint8)
            )
        )
        wait_for(video, number + 1)
    video.close()
    whole = bytearray(video.path.read_bytes())
    whole[len(whole) * 2 // 3 :] = b'\xff' * (len(whole) - len(whole) * 2 // 3)
    video.path.write_bytes(whole)
    for name in ('left.mp4', 'left.csv'):
        (folder / VIDEOS / name).touch()
    (film,) = open_films(folder)
    assert film.camera == 'top' and film.read(ORIGIN + 5 * FRAME)[0] == ORIGIN + 5 * FRAME
    playback = BagPlayback(load_recording(folder), films=[film])
    playback.control({'seek': 1.5})
    playback.start()
    deadline = time.monotonic() + 30
    while playback.describe()['position'] < 1.9 and time.monotonic() < deadline:
        assert playback.is_alive()
        time.sleep(0.02)
    playback.stop()


def test_a_recording_made_slowly_shows_no_latency(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        for number in range(100):
            came = ORIGIN + 10 * number * FRAME
            writer.write_record('/muscle_activity/left', make_activity(number, 1), came)
    assert {m.came for m in load_recording(tmp_path / 'bag').messages} == {None}


def test_curves_stand_at_the_time_that_the_player_tells(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        for number in range(1000):
            writer.write_record('/muscle_activity/left', make_activity(number, 1), ORIGIN)
    playback = BagPlayback(load_recording(tmp_path / 'bag'), paused=True)
    for wanted in (0.0, 18.0, 15.0):
        playback.control({'seek': wanted})
        playback._advance(0)
        update = json.loads(Feed(playback.state).next(playback.describe())[0])
        assert update['now'] == update['player']['position'] == wanted
        assert update['traces']['left']['time'][-1] == pytest.approx(wanted, abs=0.03)


def test_a_recording_without_estimates_is_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        for message in make_frame(0, load_hands()):
            if message[1] != ACTIVITY:
                writer.write(*message)
    with pytest.raises(ViewerError, match='no estimate'):
        load_recording(tmp_path / 'bag')
