"""The command as a user runs it, on made-up videos of a drawn board."""

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

from pianokpm_ros import cli
from pianokpm_ros.geometry.calibration.keyboard_frame import save_points
from pianokpm_ros.geometry.rig import Rig, load_rig, save_rig
from pianokpm_ros.geometry.rig_exchange import load_camera_info
from test.capture.streams import MjpegServer, free_port

from .conftest import make_cameras, move_board
from .test_keyboard_frame import make_cameras as make_piano_cameras
from .test_keyboard_frame import name_points

SQUARES = ['--columns', '7', '--rows', '5', '--square', '35']


def draw_board(board, camera, times):
    """Yield grey pictures of a waved board as a camera without distortion sees it."""
    flat = board.draw(48, margin=24)
    height, width = flat.shape
    # Corners of the drawing in the board's frame [m]; pixel 0's middle is half a pixel in.
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    metres = (edge + 0.5 - 24) / 48 * board.square
    # Half a turn about x: its printed side faces the cameras.
    corners = (np.column_stack([metres, np.zeros(4)]) - board.points.mean(axis=0)) * (1, -1, -1)
    for moment in times:
        rotation, place = move_board(moment)
        pixels = camera.project(corners @ rotation.T + place)
        matrix = cv2.getPerspectiveTransform(np.float32(edge), np.float32(pixels))
        yield cv2.warpPerspective(flat, matrix, camera.size, borderValue=255)


def film_board(board, camera, path, count=45):
    """Write a video of the board."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            'libx264', rate=5, options={'crf': '12', 'preset': 'ultrafast'}
        )
        stream.width, stream.height, stream.pix_fmt = *camera.size, 'yuv420p'
        for i, grey in enumerate(draw_board(board, camera, np.arange(count) / 5)):
            frame = av.VideoFrame.from_ndarray(
                cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), format='bgr24'
            )
            frame.pts = i
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def stream_board(board, camera, seconds, rate=10):
    """Serve the board as a live camera; what it shows depends on the time alone."""
    pictures = list(draw_board(board, camera, np.arange(0, seconds, 1 / rate)))
    return MjpegServer(rate, pictures=lambda: pictures[int(time.time() * rate) % len(pictures)])


@pytest.fixture(scope='module')
def filmed(board, tmp_path_factory):
    folder, cameras = tmp_path_factory.mktemp('film'), make_cameras()[:2]
    plain = [
        type(c)(c.name, c.size, c.matrix, np.zeros(5), c.rotation, c.translation) for c in cameras
    ]
    return plain, [str(film_board(board, c, folder / f'{c.name}.mp4')) for c in plain]


def test_videos_of_a_board_become_a_rig_and_its_copies(filmed, tmp_path, capsys):
    truth, videos = filmed
    out = tmp_path / 'rig.yaml'
    code = cli.main(
        ['calibrate', *videos, *SQUARES, '-o', str(out), '--coverage', str(tmp_path / 'c.png'),
         '--camera-info', str(tmp_path / 'info'), '--export', f'aniposelib={tmp_path / "a.toml"}']
    )  # fmt: skip
    assert code == 0, capsys.readouterr().err
    rig = load_rig(out)
    assert rig.names == ('front', 'left')
    for found, true in zip(rig.cameras, truth, strict=True):
        # Drawn, compressed pictures of 45 moments: a per cent and some millimetres.
        assert found.focal == pytest.approx(true.focal, rel=0.015)
        assert abs(found.delay) < 0.005
    distance = np.linalg.norm(rig.cameras[0].centre - rig.cameras[1].centre)
    expected = np.linalg.norm(truth[0].centre - truth[1].centre)
    assert distance == pytest.approx(expected, rel=0.01)
    info = load_camera_info(tmp_path / 'info' / 'left.yaml')
    np.testing.assert_allclose(info.matrix, rig.camera('left').matrix)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.toml', 'c.png', 'info', 'rig.yaml']
    said = capsys.readouterr().out
    assert 'squares measured in space' in said and '--played BAG' in said


def test_camera_infos_that_are_there_are_kept_unless_told_otherwise(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ('nothing', 'front'):
        Path(f'{name}.yaml').write_text('mine')
    front = replace(make_piano_cameras()[0], name='front')
    save_points({'front': name_points(front)}, 'points.yaml')
    save_rig(Rig((front,)), 'lens.yaml')
    corners = ['--keyboard', 'points.yaml', '--lenses', 'lens.yaml']
    for asked, kept in ((['nothing.mp4'], 'nothing'), (corners, 'front')):
        assert cli.main(['calibrate', *asked, '--camera-info', '.']) == 1
        assert f'{kept}.yaml, which exists' in capsys.readouterr().err
        assert Path(f'{kept}.yaml').read_text() == 'mine' and not Path('rig.yaml').exists()
    assert cli.main(['calibrate', *corners, '--camera-info', '.', '--replace']) == 0
    assert load_camera_info('front.yaml').name == 'front'


def test_a_rig_that_is_there_is_kept_unless_told_otherwise(tmp_path, monkeypatch, capsys):
    """And said so before anybody has waved a board."""
    monkeypatch.chdir(tmp_path)
    Path('rig.yaml').write_text('mine')
    asked = ['calibrate', 'nothing.mp4', 'nor_this.mp4']
    assert cli.main(asked) == 1
    assert 'rig.yaml, which exists' in capsys.readouterr().err
    assert cli.main([*asked, '--replace']) == 1
    # All are looked for at once: either may be missed first.
    assert re.search(r'(nothing|nor_this)\.mp4, which is no file', capsys.readouterr().err)
    assert Path('rig.yaml').read_text() == 'mine'
    for place, words in (('nowhere/rig.yaml', 'whose folder does not exist'), ('.', 'a folder')):
        assert cli.main([*asked, '-o', place]) == 1 and words in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--coverage', 'nowhere/c.png'], 'nowhere/c.png, whose folder does not exist'),
        (['--coverage', 'there.yaml'], 'there.yaml, which exists'),
        (['--camera-info', 'there.yaml'], 'there.yaml, which is a file'),
        (['there.mp4', '--camera-info', '.'], 'there.yaml, which exists'),
        (['--keyboard', 'nowhere.yaml'], 'nowhere.yaml'),
        (['--keyboard', 'there.yaml'], 'there.yaml: expected `cameras:`'),
        (['--board', 'there.yaml'], 'there.yaml, which exists'),
    ],
)
def test_what_only_the_end_needs_is_refused_before_the_board_is_looked_for(
    tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    Path('there.yaml').write_text('mine')
    assert cli.main(['calibrate', 'nothing.mp4', *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said and 'nothing.mp4' not in said
    assert [p.name for p in tmp_path.iterdir()] == ['there.yaml']


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ([], 'without anything to see'),
        (['nothing.mp4'], 'nothing.mp4, which is no file'),
        (['/dev/video9'], 'cameras need names'),
        (['für=/dev/video9'], 'use NAME=/dev/video9'),
        (['http://phone/video?x=1'], 'use NAME=http://phone/video?x=1'),
        (['top=http://127.0.0.1:9/video?x=1'], "camera 'top'"),
        (['a.mp4', '--export', 'blender=x'], 'expected FORMAT=FILE'),
        (['--board', 'board.jpg'], 'name a .pdf or a .png'),
    ],
)
def test_what_is_impossible_is_said_and_nothing_written(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(['calibrate', *arguments]) == 1
    assert words in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_live_cameras_are_calibrated_in_their_own_time(board, tmp_path, capsys):
    cameras = make_cameras()[:2]
    small = [
        type(c)(
            c.name, (640, 360), c.matrix * [[0.5], [0.5], [1]] - [[0, 0, 0.25], [0, 0, 0.25], [0, 0, 0]],
            np.zeros(5), c.rotation, c.translation,
        )
        for c in cameras
    ]  # fmt: skip
    servers = {c.name: stream_board(board, c, 9) for c in small}
    try:
        words = [f'{n}={s.url}' for n, s in servers.items()]
        rig = tmp_path / 'rig.yaml'
        code = cli.main(['calibrate', *words, *SQUARES, '--seconds', '9', '-o', str(rig)])
        said = capsys.readouterr().out
        assert code == 0, said
    finally:
        for server in servers.values():
            server.cut()
    found = load_rig(rig)
    a, b = (found.camera(c.name) for c in small)
    true = np.linalg.norm(small[0].centre - small[1].centre)
    assert a.size == b.size == (640, 360)
    views = [int(n) for n in re.findall(r'^│ \w+ +│ +(\d+) ', said, re.MULTILINE)]
    if min(views) < 25:
        pytest.skip(f'the board was seen {views} times: this machine is too busy for live cameras')
    # 0.3 % and 0.4 % were seen with 30 and 73 views. On a busy machine pictures arrive some 100 ms late now and
    # then, and this kind of stream has no times of its own: the board moves by 2 cm meanwhile, at 50 cm.
    assert np.linalg.norm(a.centre - b.centre) == pytest.approx(true, rel=0.1)
    for camera, expected in ((a, small[0]), (b, small[1])):
        assert camera.focal == pytest.approx(expected.focal, rel=0.1)


def test_a_camera_that_fails_ends_the_wait_for_the_others(tmp_path, capsys):
    server, begun = MjpegServer(10), time.monotonic()
    try:
        words = [f'top={server.url}', f'left=http://127.0.0.1:{free_port()}/']
        code = cli.main(
            ['calibrate', *words, '--seconds', '600', '-o', str(tmp_path / 'rig.yaml')]
        )
    finally:
        server.cut()
    assert code == 1 and "camera 'left': asked for the stream" in capsys.readouterr().err
    assert time.monotonic() - begun < 300


def test_a_camera_that_is_unplugged_does_not_hold_it_up_for_ever(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('pianokpm_ros.commands.calibrate.OPENING', 3.0)
    server = MjpegServer(10)
    unplug = threading.Timer(2.0, server.cut)
    unplug.start()
    code = cli.main(
        ['calibrate', f'top={server.url}', '--seconds', '3', '-o', str(tmp_path / 'rig.yaml')]
    )
    unplug.join()
    assert code == 1 and "camera 'top'" in capsys.readouterr().err


def test_a_wrong_board_is_named(filmed, tmp_path, capsys):
    _, videos = filmed
    out = tmp_path / 'rig.yaml'
    assert cli.main(['calibrate', videos[0], *SQUARES, '--inverted', '-o', str(out)]) == 1
    assert 'without --inverted' in capsys.readouterr().err and not out.exists()


def test_the_keyboard_alone_is_enough(tmp_path, capsys):
    cameras, path = make_piano_cameras(), tmp_path / 'points.yaml'
    entries = {}
    for camera in cameras:
        points = name_points(camera, noise=0.3)
        named = dict(zip(points.names, points.pixels.tolist(), strict=True))
        entries[camera.name] = {'size': list(camera.size), 'points': named}
    path.write_text(yaml.safe_dump({'cameras': entries}))
    out = tmp_path / 'rig.yaml'
    assert cli.main(['calibrate', '--keyboard', str(path), '-o', str(out)]) == 0
    rig = load_rig(out)
    assert rig.frame_id == 'keyboard'
    for true in cameras:
        np.testing.assert_allclose(rig.camera(true.name).centre, true.centre, atol=0.03)
    said = capsys.readouterr().out
    assert 'stands at' in said and '--played' not in said


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([], 'without a camera'),
        (['front=nowhere.jpg'], 'no file'),
        (['front=a.png', '-o', 'points.yaml'], 'both into points.yaml'),
        (['front=a.png', 'front=a.png'], 'names of their own'),
        (['front=a.png', '--keyboard', 'p.yaml'], '--click and --keyboard'),
    ],
)
def test_clicks_that_cannot_be_are_refused_at_once(tmp_path, capsys, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('a.png', np.zeros((48, 64, 3), np.uint8))
    assert cli.main(['calibrate', '--click', 'points.yaml', *words]) == 1
    assert said in capsys.readouterr().err
    (tmp_path / 'rig.yaml').touch()
    assert cli.main(['calibrate', '--click', 'points.yaml', 'a.png']) == 1
    assert 'allow it with --replace' in capsys.readouterr().err
    assert not (tmp_path / 'points.yaml').exists()


def test_a_board_is_printed(tmp_path):
    assert cli.main(['calibrate', '--board', str(tmp_path / 'board.pdf'), *SQUARES]) == 0
    assert (tmp_path / 'board.pdf').read_bytes().startswith(b'%PDF')
