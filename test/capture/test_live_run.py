"""Running live cameras: sizes checked, every frame filmed, the newest handed on, health in words."""

import re
import threading
import time

import pytest

from pianokpm_ros.capture import live_run
from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_run import LiveRun, make_cameras, read_size
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.geometry.rig import Rig, RigError
from pianokpm_ros.geometry.single_view import assume_camera

from .conftest import SIZE, read_number
from .streams import MjpegServer
from .test_live import NOTICED, PATIENCE


@pytest.fixture
def server():
    made = MjpegServer()
    yield made
    made.cut()


def make_run(server, rig=None, handle=lambda frames: None):
    addresses = {'phone': server.url}
    return LiveRun(make_cameras(addresses, CameraSettings(), rig, time.time_ns), handle)


def test_slow_work_gets_the_newest_frames_and_films_get_all(server, lateness):
    handled, filmed, enough = [], [], threading.Event()

    def work(frames):
        number = read_number(frames['phone'].image)
        # Slower than the camera, whatever the machine does: four further frames come meanwhile.
        lateness.wait(lambda: enough.is_set() or filmed and filmed[-1] >= number + 4, PATIENCE)
        handled.append(number)

    run = make_run(server, handle=work)
    assert run.open() == {'phone': SIZE}
    run.on_frame = lambda frame: filmed.append(read_number(frame.image))
    run.start()
    lateness.wait(lambda: len(handled) >= 4, PATIENCE)
    enough.set()
    run.stop()
    assert not run.is_alive()
    # Most are overtaken, none is handed on twice or late.
    assert handled == sorted(set(handled)) and handled[-1] - handled[0] > 2 * len(handled)
    assert run.overtaken > 0 and len(filmed) > 2 * len(handled)
    assert filmed == list(range(filmed[0], filmed[0] + len(filmed)))


def test_work_that_is_too_slow_for_fluent_poses_is_a_warning(server, lateness):
    run = make_run(server, handle=lambda frames: time.sleep(0.25))
    run.open()
    run.start()
    lateness.wait(lambda: run.summarise()[0] == 'warning', PATIENCE)
    words = run.summarise()[1]
    assert re.match(
        r'there is time for [0-4]\.\d of \d+ frames a second; fewer than 10 leave gaps', words
    )
    run.stop()


def test_a_camera_that_gives_few_pictures_is_a_warning_until_it_gives_more(
    server, lateness, monkeypatch
):
    """As webcams in the dark."""
    monkeypatch.setattr(live_run, 'PACE_WINDOW', 0.5)
    server.rate = 6
    run = make_run(server)
    run.open()
    run.start()
    lateness.wait(lambda: run.summarise()[0] == 'warning', PATIENCE)
    assert re.match(r'phone gives \d\.\d frames a second; fewer than 10', run.summarise()[1])
    server.rate = 30
    lateness.wait(lambda: run.summarise()[0] == 'good', PATIENCE)
    run.stop()


def test_a_camera_that_is_gone_is_an_error_in_words(server, lateness):
    run = make_run(server)
    run.open()
    run.start()
    lateness.wait(lambda: run.summarise()[0] == 'good', PATIENCE)
    server.cut()
    lateness.wait(lambda: run.summarise()[0] == 'error', NOTICED)
    _, words, values = run.summarise()
    assert 'phone is ' in words and values['phone state'] != 'ok' and values['sets'] > 0
    run.stop()


def test_a_size_that_is_not_the_calibrated_one_is_refused_and_closed(server):
    rig = Rig((assume_camera('phone', (640, 480)),))
    run = make_run(server, rig)
    with pytest.raises(RigError, match='calibrated for 640x480 but sends 96x64'):
        run.open(rig)
    sent = server.sent
    time.sleep(0.2)
    assert server.sent <= sent + 2  # nobody listens any more


def test_a_camera_that_changes_its_size_is_left_out_and_named_while_it_does(
    server, lateness, monkeypatch
):
    monkeypatch.setattr(live_run, 'PACE_WINDOW', 0.5)
    got = []
    run = make_run(server, handle=got.append)
    run.open()
    server._pictures = [server._picture(i)[::2, ::2] for i in range(8)]
    run.start()
    lateness.wait(lambda: run.misfits > 3, PATIENCE)
    level, words, _ = run.summarise()
    assert level == 'error' and 'phone sends 48x32 instead of 96x64' in words
    server._pictures = None
    lateness.wait(lambda: 'instead' not in run.summarise()[1], PATIENCE)
    run.stop()
    assert all(f['phone'].image.shape[1::-1] == SIZE for f in got)
    assert run.summarise()[2]['of another size'] > 3


def test_the_rig_gives_size_and_delay():
    rig = Rig((assume_camera('a', (640, 480)),))
    camera = make_cameras({'a': '0'}, CameraSettings(rate=60), rig, time.time_ns)[0]
    assert camera._settings == CameraSettings((640, 480), 60)
    with pytest.raises(RigError, match="asked for the camera 'b'"):
        make_cameras({'b': '0'}, CameraSettings(), rig, time.time_ns)


@pytest.mark.parametrize('text', ['640', 'x480', '0x480', 'wide'])
def test_sizes_are_read_or_refused(text):
    assert read_size('1280X720') == (1280, 720) and read_size('') is None
    with pytest.raises(CaptureError, match='640x480'):
        read_size(text)
