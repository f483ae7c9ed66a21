"""The page's server without a browser: what it says, who has the say, what is saved."""

import json
import threading
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pianokpm_ros.geometry.calibration.keyboard_frame import load_points
from pianokpm_ros.viewer.clicks import ClickServer
from pianokpm_ros.viewer.naming import Naming
from test.viewer.piano_scene import find_corner, take_picture


@pytest.fixture
def server(tmp_path):
    with ClickServer(
        Naming([take_picture()], tmp_path / 'points.yaml'), 'rig.yaml', port=0
    ) as made:
        yield made


def open_page(server):
    connection = connect(f'ws://127.0.0.1:{server.port}/live')
    return connection, hear(connection), hear(connection)


def hear(connection):
    return json.loads(connection.recv(timeout=60))


def say(connection, **words):
    connection.send(json.dumps(words))


def test_a_page_gets_the_picture_the_keys_and_the_first_corner(server):
    with urllib.request.urlopen(server.url, timeout=30) as page:
        assert b'clicks.js' in page.read()
    with urllib.request.urlopen(f'{server.url}picture/0.jpg', timeout=30) as picture:
        assert picture.headers['Content-Type'] == 'image/jpeg'
        image = cv2.imdecode(np.frombuffer(picture.read(), np.uint8), cv2.IMREAD_COLOR)
    # 95 % JPEG
    assert np.abs(image.astype(int) - take_picture().image).mean() < 2
    with pytest.raises(urllib.error.HTTPError, match='404'):
        urllib.request.urlopen(f'{server.url}picture/1.jpg', timeout=30)
    connection, hello, told = open_page(server)
    with connection:
        assert hello['cameras'] == [{'name': 'left', 'size': [640, 480]}]
        assert (hello['file'], hello['rig']) == ('points.yaml', 'rig.yaml')
        assert len(hello['keyboard']['keys']) == 88
        assert told['next'] == 'C4.front_left' and told['level'] == 'few'


def test_the_next_corner_comes_before_the_slow_solution_and_saving_ends_it(server, tmp_path):
    connection, _, told = open_page(server)
    points, skipped = {}, []
    with connection:
        for number in range(1, 40):
            corner = told['next']
            if (pixel := find_corner(corner)) is None:
                skipped.append(corner)
            else:
                points[corner] = pixel
            say(connection, camera='left', points=points, skipped=skipped, number=number)
            quick, told = hear(connection), hear(connection)
            assert 'level' not in quick and quick['number'] == told['number'] == number
            if len(points) == 9:
                break
        assert told['level'] == 'good' and told['points'] == points
        for words in ('', 'x', '[1]', '{"camera": 3}', b'\xff'):
            connection.send(words)
        assert not server.done.is_set() and not (tmp_path / 'points.yaml').exists()
        say(connection, save=True)
        assert hear(connection) == {'saved': 'points.yaml', 'trouble': ''}
    assert server.done.wait(60)
    assert set(load_points(tmp_path / 'points.yaml')['left'].names) == set(points)


def test_who_clicks_quickly_is_not_kept_waiting(server, monkeypatch):
    """Ten clicks while one solution takes its time: ten next corners, then only the newest points are worth solving."""
    judge, clicked = server._naming.judge, threading.Event()
    monkeypatch.setattr(server._naming, 'judge', lambda name: clicked.wait(60) and judge(name))
    corners = [f'{k}{o}.front_left' for k in 'CG' for o in (3, 4, 5)]
    corners += [f'F#{o}.top_left' for o in (3, 4, 5)] + ['E4.back_right']
    points = {c: find_corner(c) for c in corners}
    with connect(f'ws://127.0.0.1:{server.port}/live') as connection:
        assert 'corners' in hear(connection)
        for number in range(1, 11):
            named = dict(list(points.items())[:number])
            say(connection, camera='left', points=named, skipped=[], number=number)
        assert [hear(connection)['number'] for _ in range(10)] == list(range(1, 11))
        clicked.set()
        heard = [hear(connection)]
        while heard[-1]['number'] != 10:
            heard.append(hear(connection))
    assert len(heard) <= 2 and heard[-1]['level'] == 'good'


def test_what_cannot_be_saved_is_told_and_can_be_tried_again(server, tmp_path):
    connection, *_ = open_page(server)
    with connection:
        say(connection, camera='left', points={'C4.front_left': [1, 2]}, skipped=[])
        hear(connection), hear(connection)
        (tmp_path / '.points.yaml.part').mkdir()
        say(connection, save=True)
        assert 'points.yaml' in hear(connection)['failed'] and not server.done.is_set()
        (tmp_path / '.points.yaml.part').rmdir()
        say(connection, save=True)
        assert 'at least 6 points' in hear(connection)['trouble'] and server.done.wait(60)


def test_the_page_that_was_opened_last_has_the_say_and_knows_what_was_named(server):
    first, *_ = open_page(server)
    say(first, camera='left', points={'C4.front_left': [1, 2]}, skipped=['C5.front_left'])
    hear(first), hear(first)
    second, _, told = open_page(server)
    with second:
        assert hear(first) == {'elsewhere': True}
        with pytest.raises(ConnectionClosed):
            first.recv(timeout=30)
        assert told['points'] == {'C4.front_left': [1, 2]} and told['skipped'] == ['C5.front_left']
