"""Live cameras against real streams on loopback, cut and brought back."""

import http.server
import socket
import threading
import time
from functools import partial

import cv2
import numpy as np
import pytest

from pianokpm_ros.capture import device
from pianokpm_ros.capture.device import ArrivalClock, CameraSettings, VideoDevice, is_stream
from pianokpm_ros.capture.live_camera import CameraState, LiveCamera
from pianokpm_ros.capture.live_capture import LiveCapture
from pianokpm_ros.capture.source import CaptureError

from .conftest import SIZE, read_number
from .streams import MjpegServer, free_port, start_transport_stream

NOTICED = 1.0
"""So soon it must be told that a camera gives no pictures, or always the same one (docs/cameras.md) [s]."""

PATIENCE = 30.0
"""For what has no time of its own: cameras are opened as soon as the machine gets to it [s]."""


class SilentFiles(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    servers = []

    def make(**kwargs):
        servers.append(MjpegServer(**kwargs))
        return servers[-1]

    yield make
    for s in servers:
        s.cut()


@pytest.fixture
def camera():
    cameras = []

    def make(name, address, **kwargs):
        cameras.append(LiveCamera(name, address, **kwargs))
        return cameras[-1]

    yield make
    for c in cameras:
        c.close()


def test_frames_come_in_order_with_stamps_of_now(server, camera, lateness):
    cam = camera('phone', server().url)
    cam.open()
    frames = [cam.read() for _ in range(20)]
    age = (time.time_ns() - frames[-1].stamp) * 1e-9
    assert cam.size == SIZE and frames[0].image.shape == (SIZE[1], SIZE[0], 3)
    numbers = [read_number(f.image) for f in frames]
    assert numbers == sorted(set(numbers))
    assert (np.diff([f.stamp for f in frames]) > 0).all()
    # The server waits 33 ms a frame; FFmpeg holds back at most one to know where a picture ends.
    assert 0 <= age < lateness.stretch(0.2)
    assert cam.health.state is CameraState.OK


def test_the_rate_is_that_at_which_frames_came(server, camera, lateness):
    given = []
    cam = camera('phone', server().url)
    cam.on_frame = given.append
    cam.open()
    lateness.wait(lambda: cam.health.frames >= 20, PATIENCE)
    health = cam.health
    lateness.wait(lambda: len(given) >= health.frames, PATIENCE)
    # This kind of stream has no times of its own: its stamps are when frames came.
    came = np.array([f.stamp for f in given[: health.frames]]) * 1e-9
    recent = came[came > came[-1] - 2.0]
    assert health.rate == pytest.approx((len(recent) - 1) / np.ptp(recent), rel=0.2)


def test_the_newest_frame_wins(server, camera, lateness):
    source, given = server(), []
    cam = camera('phone', source.url)
    cam.on_frame = lambda frame: given.append(frame.sequence)
    cam.open()
    first = cam.read()
    lateness.wait(lambda: cam.health.frames > first.sequence + 15, PATIENCE)
    second = cam.read()
    # 30 frames a second.
    assert source.sent - read_number(second.image) <= 4 + 30 * lateness.stretch(0)
    last = second.sequence
    lateness.wait(lambda: len(given) > last, PATIENCE)
    assert given[: last + 1] == list(range(last + 1)), 'films have every frame all the same'
    assert second.sequence - first.sequence >= 15
    assert cam.health.overtaken >= second.sequence - first.sequence - 1


def test_a_camera_that_is_cut_off_is_noticed_and_comes_back(server, camera, lateness, caplog):
    source = server()
    cam = camera('phone', source.url)
    cam.open()
    cam.read()
    source.cut()
    lateness.wait(lambda: cam.health.state is not CameraState.OK, NOTICED)
    again = server(port=source.port)
    lateness.wait(lambda: cam.health.state is CameraState.OK, PATIENCE)
    assert again.sent > 0 and cam.health.connections >= 2
    said = [r.getMessage() for r in caplog.records]
    assert 'stopped giving frames' in said[0] and said[-1] == 'camera phone: gives frames again'
    assert cam.read().image.shape == (SIZE[1], SIZE[0], 3)


def test_a_frozen_camera_is_noticed_and_gives_no_old_pictures(server, camera, lateness):
    source = server()
    cam = camera('phone', source.url)
    cam.open()
    cam.read()
    source.frozen = True
    lateness.wait(lambda: cam.health.state is CameraState.FROZEN, NOTICED)
    frames = cam.health.frames
    time.sleep(0.2)
    assert cam.health.frames == frames and 'does not change' in cam.health.words
    source.frozen = False
    lateness.wait(lambda: cam.health.state is CameraState.OK, PATIENCE)


def test_a_damaged_picture_costs_itself_alone(server, camera, lateness):
    """For each the connection was given up and made anew, which cost half a second of pictures."""
    source = server()
    source.hurt = 8
    cam = camera('phone', source.url)
    cam.open()
    lateness.wait(lambda: source.sent > 40, 5.0)
    assert cam.health.connections == 1 and cam.health.frames > 25


def test_a_camera_that_falls_silent_is_noticed_and_closed_in_time(server, camera, lateness):
    source = server()
    cam = camera('phone', source.url)
    cam.open()
    source.stalled = True
    lateness.wait(lambda: cam.health.state is not CameraState.OK, NOTICED)
    start = time.monotonic()
    cam.close()
    assert time.monotonic() - start < lateness.stretch(2.0) and cam.read() is None


def test_a_transport_stream_over_tcp(camera):
    port = free_port()
    sender = start_transport_stream(port)
    try:
        cam = camera('net', f'tcp://127.0.0.1:{port}', timeout=60)
        cam.open()
        numbers = [read_number(cam.read().image) for _ in range(10)]
        cam.close()
    finally:
        sender.kill()
        sender.wait()
    assert numbers == sorted(set(numbers)) and numbers[-1] < 90


def test_nobody_there_is_said_once(camera, caplog, monkeypatch):
    with pytest.raises(
        CaptureError, match=r"camera 'phone'.*http://me:\*+@127.0.0.1:\d+/x.*is it on"
    ):
        camera('phone', f'http://me:secret@127.0.0.1:{free_port()}/x', timeout=1.0).open()
    assert not caplog.records
    monkeypatch.setattr(device, 'OPEN_TIMEOUT', 0.3)
    with socket.create_server(('127.0.0.1', 0)) as mute:
        address = f'http://127.0.0.1:{mute.getsockname()[1]}/x'
        with pytest.raises(CaptureError, match=r'it gave no picture within 0\.3 s; is it on'):
            camera('phone', address, timeout=1.5).open()
    begin = time.monotonic()
    with pytest.raises(CaptureError, match=r"camera 'usb'.*/dev/video77.*not there.*plugged in"):
        camera('usb', '/dev/video77', timeout=60.0).open()
    assert time.monotonic() - begin < 30  # not tried until the time is over


def test_a_camera_that_was_unplugged_is_told_with_those_that_are_there(
    video, camera, lateness, capfd
):
    """Plugged in again it may be another device; OpenCV says at each try only that it can't open it."""
    path = video('plug.mp4', count=60)
    cam = camera('usb', str(path))
    cam.open()
    path.unlink()
    lateness.wait(lambda: 'is not there' in cam.health.words, PATIENCE)
    assert 'plugged in' in cam.health.words and cam.health.state is CameraState.LOST
    time.sleep(1.0)
    assert 'plug.mp4' not in capfd.readouterr().err


def test_the_address_of_a_single_picture_is_named(camera, tmp_path):
    """As `/shot.jpg` of a phone: it was said to have stopped giving frames."""
    cv2.imwrite(str(tmp_path / 'shot.jpg'), np.zeros((48, 64, 3), np.uint8))
    handler = partial(SilentFiles, directory=tmp_path)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as files:
        threading.Thread(target=files.serve_forever, args=(0.05,), daemon=True).start()
        with pytest.raises(CaptureError, match=r"'phone'.*shot\.jpg, which is a single picture"):
            camera('phone', f'http://127.0.0.1:{files.server_port}/shot.jpg', timeout=2.0).open()
        files.shutdown()


def test_sets_hold_the_newest_frames_and_go_on_without_a_lost_camera(server, camera):
    # Slow cameras, of which a busy machine delivers the pictures of a moment within half a period.
    sources = [server(rate=8), server(rate=8)]
    capture = LiveCapture([camera(n, s.url) for n, s in zip('ab', sources, strict=True)])
    capture.open()
    sets, end = [], time.monotonic() + 60
    for frames in capture.read_all():
        sets.append(frames)
        if len(sets) == 25:
            sources[1].cut()
        if time.monotonic() > end or sum(set(s) == {'a'} for s in sets[25:]) > 10:
            break
    capture.close()
    assert np.mean([set(s) == {'a', 'b'} for s in sets[5:25]]) > 0.7
    assert set(sets[-1]) == {'a'}
    for name in 'ab':
        stamps = [s[name].stamp for s in sets if name in s]
        assert stamps == sorted(set(stamps))
    for s in sets:
        assert max(f.stamp for f in s.values()) - min(f.stamp for f in s.values()) < 100_000_000


def test_a_late_camera_is_waited_for_and_shows_the_same_moments(server, camera):
    """A phone 0.2 s later than a webcam: by their stamps its frames were too old for every set, and left out."""
    sources, late = [server(rate=15), server(rate=15)], 200_000_000
    web, phone = (camera(n, s.url) for n, s in zip(('web', 'phone'), sources, strict=True))
    phone.delay = late
    filmed = []
    web.on_frame = lambda frame: filmed.append((time.time_ns(), frame.stamp))
    capture = LiveCapture([web, phone])
    capture.open()
    sets = [s for s, _ in zip(capture.read_all(), range(25), strict=False)]
    capture.close()
    both = [s for s in sets[5:] if set(s) == {'web', 'phone'}]
    assert len(both) > 0.7 * len(sets[5:])
    assert np.median([abs(s['web'].stamp - s['phone'].stamp) for s in both]) < 33_000_000
    # What is filmed does not wait, and only the frames that are waited for are kept.
    assert np.median([now - stamp for now, stamp in filmed]) < late / 2
    assert web.hold == 0.2 and phone.hold == 0.0 and len(web._held) <= 0.2 * 15 + 2


def test_settings_that_are_not_granted_are_said(video):
    # A file takes no settings at all: OpenCV's way of asking and reading back is the same.
    device = VideoDevice(
        str(video()), CameraSettings((640, 480), 60, 'MJPG', 0.004), lambda: 1_000_000_000
    )
    assert device.said[:2] == (
        'asked for the format MJPG, got avc1' if 'avc1' in device.said[0] else device.said[0],
        f'asked for 640x480, got {SIZE[0]}x{SIZE[1]}',
    )
    assert any('asked for 60 frames/s, got 30' in w for w in device.said)
    # The middle of an exposure of 4 ms was 2 ms ago.
    assert device.read().stamp == 998_000_000
    device.close()


def test_a_format_of_other_than_four_letters_is_refused_at_once():
    """OpenCV took it in the camera's thread, which died of it: no frame came, and nobody knew why."""
    with pytest.raises(CaptureError, match="four letters such as MJPG.*found 'MJPEG'"):
        CameraSettings(format='MJPEG')


def test_stamps_of_a_stream_do_not_jitter_with_the_network():
    rng, clock = np.random.default_rng(0), ArrivalClock()
    shown = np.arange(300) * 33_333_333
    arrival = shown + 5_000_000_000 + (rng.exponential(0.02, 300) * 1e9).astype(int)
    stamps = np.array([clock.stamp(int(s), int(a)) for s, a in zip(shown, arrival, strict=True)])
    # After a hundred frames the quickest was within 0.2 ms of the best of exponential 20 ms.
    assert np.ptp((stamps - shown)[100:]) < 1_000_000 and (stamps <= arrival).all()
    assert clock.stamp(None, 7) == 7
    jumped = clock.stamp(0, 90_000_000_000)
    assert jumped == 90_000_000_000


@pytest.mark.parametrize('rate', [8, 45])
def test_stamps_do_not_drift_whatever_the_rate_of_a_stream_without_times(
    server, camera, rate, lateness
):
    cam = camera('phone', server(rate=rate).url)
    cam.open()
    start = time.monotonic()
    while time.monotonic() - start < 1.5:
        frame = cam.read()
        # FFmpeg counts 25 frames a second: at 8 a second stamps would be a second behind by now.
        assert 0 <= (time.time_ns() - frame.stamp) * 1e-9 < lateness.stretch(0.3)


def test_a_stream_whose_time_runs_slow_is_not_followed_into_the_past():
    clock = ArrivalClock()
    arrival = np.arange(200) * 40_000_000
    stamps = [clock.stamp(int(0.8 * a), int(a)) for a in arrival]
    assert max(a - s for a, s in zip(arrival, stamps, strict=True)) <= 300_000_000


@pytest.mark.parametrize(
    ('address', 'stream'),
    [('rtsp://a/b', True), ('HTTP://a', True), ('/dev/video0', False), ('0', False)],
)
def test_addresses(address, stream):
    assert is_stream(address) == stream


def test_stamps_follow_a_clock_that_was_set_back(server, camera):
    back = 0
    cam = camera('phone', server().url, clock=lambda: time.time_ns() - back)
    cam.open()
    before = cam.read()
    back = 3_600_000_000_000
    frames = [cam.read() for _ in range(5)]
    assert before.stamp - frames[-1].stamp > 3_000_000_000_000
    # By a clock, and not a nanosecond each; on a busy machine frames may come in a bunch.
    assert (np.diff([f.stamp for f in frames[1:]]) > 1000).all()
