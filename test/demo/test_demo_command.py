"""`pianokpm demo` as a user runs it: the real graph in processes of its own, over DDS, with real MediaPipe."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pianokpm_ros.anatomy import Status
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.cli import main
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import HandLandmarks, HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.takes import load_take

from ..children import children_of, runs

RATE = 0.25
"""Playback rate of the runs that are broken off."""

NODES = {
    'capture_node',
    'keyboard_node',
    'triangulation_node',
    'muscle_estimation_node',
    'recorder_node',
}


def start(root, *words):
    environment = {**os.environ, 'COLUMNS': '100'}
    environment.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None)
    return subprocess.Popen(
        [sys.executable, '-m', 'pianokpm_ros.cli', 'demo', *map(str, words)],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def nodes_of(parent):
    """Return the pid of each node that a process started, by name."""
    found = {}
    for pid in children_of(parent):
        try:
            command = Path(f'/proc/{pid}/cmdline').read_bytes().decode().split('\0')
        except OSError:
            continue
        name = next((Path(c).name for c in command if Path(c).name in NODES), None)
        found |= {name: pid} if name else {}
    return found


def wait_for_nodes(process, seconds=90):
    end = time.monotonic() + seconds
    while len(found := nodes_of(process.pid)) < len(NODES):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


@pytest.fixture(scope='module')
def result(short_take, root, tmp_path_factory):
    """Return the folder of one run and what it printed."""
    out = tmp_path_factory.mktemp('demo') / 'result'
    process = start(root, '--take', short_take, '--out', out, '--hand-model', 'lite')
    text, _ = process.communicate(timeout=600)
    assert process.returncode == 0, text
    return out, text, short_take


def records_of(folder, kind):
    return [r for _, r, _ in read_bag(folder / 'bag') if isinstance(r, kind)]


def test_what_was_sent_is_in_the_bag_with_the_stamps_of_the_frames(result):
    folder, _, take = result
    summary = json.loads((folder / 'summary.json').read_text())
    for topic, counts in summary['topics'].items():
        assert counts['recorded'] == counts['published'] > 0, topic
    hands = records_of(folder, HandLandmarks)
    stamp = load_take(take).performance.stamp
    assert summary['frames_in_take'] == dict.fromkeys({h.camera for h in hands}, len(stamp))
    origin = hands[0].stamp - stamp[hands[0].sequence]
    for name in summary['frames_in_take']:
        seen = [h for h in hands if h.camera == name]
        # The playback is slow enough for this machine, unless others keep it busy.
        assert len(seen) > 0.2 * len(stamp)
        # The stamps keep the take's own time, however slowly it is played; videos hold microseconds.
        off = [h.stamp - origin - stamp[h.sequence] for h in seen]
        assert np.abs(off).max() <= 2000
    for kind in (HandPose, MuscleActivity):
        usable = {r.stamp for r in records_of(folder, kind) if r.status >= Status.DEGRADED}
        assert usable and usable <= {h.stamp for h in hands}


def test_the_graph_finds_what_estimation_without_it_finds(result, tmp_path):
    folder, _, take = result
    frames, seen = len(load_take(take).performance.stamp), records_of(folder, HandLandmarks)
    if len(seen) < frames * len({h.camera for h in seen}):
        pytest.skip('frames were dropped: this machine is too busy for the same frames to be seen')
    words = [
        'estimate',
        str(take),
        '--out',
        str(tmp_path / 'r'),
        '--hand-model',
        'lite',
        '--poses-only',
    ]
    for name in ('csv', 'parquet', 'overlay', 'mosaic'):
        words += ['--skip', name]
    assert main(words) == 0
    live, offline = (
        {(p.side, p.sequence): p for p in records_of(f, HandPose)}
        for f in (folder, tmp_path / 'r')
    )
    assert len(offline) == 2 * frames and set(offline) <= set(live)
    for key, pose in offline.items():
        assert live[key].status == pose.status
        np.testing.assert_array_equal(live[key].landmarks, pose.landmarks)


def test_delays_add_up_and_are_in_order(result):
    folder, _, _ = result
    delays = json.loads((folder / 'summary.json').read_text())['delays_ms']
    *parts, whole = delays.values()
    assert len({d['count'] for d in delays.values()}) == 1 and whole['count'] >= 20
    assert all(0 <= d['median'] <= d['p95'] for d in delays.values())
    assert max(p['median'] for p in parts) <= whole['median'] < 2000


def test_what_the_simulation_knows_is_compared(result):
    folder, text, _ = result
    summary = json.loads((folder / 'summary.json').read_text())
    errors = summary['landmark_error_against_simulation']
    assert set(errors) == {'left', 'right'}
    for error in errors.values():
        # Neighbouring fingers are some 20 mm apart: beyond 15 mm one would pass for the other.
        assert (
            error['median_mm'] < 15 and error['moments_compared'] > 0.8 * error['moments_present']
        )
    assert set(summary['estimate_against_simulation']) == {'left', 'right'}
    assert 'Against the simulation (not a person)' in text


def test_pictures_are_there_and_the_words_are_honest(result):
    folder, text, _ = result
    video = VideoFile('mosaic', folder / 'mosaic.mp4')
    video.open()
    assert video.read() is not None and video.count > 15
    video.close()
    assert (folder / 'activity.png').stat().st_size > 20_000
    flat = ' '.join(text.split())
    for words in (
        'simulated video',
        'Nothing here was measured on a person',
    ):
        assert words in flat
    for name in ('activity.png', 'bag', 'mosaic.mp4', 'summary.json'):
        assert name in text
    assert 'Traceback' not in text and 'W0000' not in text


def test_a_log_gets_plain_lines(result):
    _, text, _ = result
    lines = [line for line in text.splitlines() if 'of 1.5 s' in line]
    assert len(lines) >= 2 and '\x1b' not in text
    assert 'left' in lines[-1] and 'ADM' in lines[-1]


def test_keys_are_in_the_bag_at_their_time(result):
    folder, _, take = result
    with np.load(take / 'truth.npz') as truth:
        if not len(truth['key_stamp']):
            pytest.skip('no key moves in the beginning of the take')
        first, stamp = int(truth['key_stamp'][truth['key_position'] > 0.5][0]), truth['stamp']
    hands = records_of(folder, HandLandmarks)[0]
    origin = hands.stamp - stamp[hands.sequence]
    down = [
        r.stamp + int(t * 1e9)
        for r in records_of(folder, KeyMotion)
        for t, p in zip(r.time, r.position, strict=True)
        if p > 0.5
    ]
    # Videos hold microseconds, records float32 seconds: far below a millisecond.
    assert min(down) - origin == pytest.approx(first, abs=1_000_000)


def test_a_node_that_dies_ends_the_demo_with_its_name(short_take, root, tmp_path):
    process = start(root, '--take', short_take, '--out', tmp_path / 'r', '--rate', RATE)
    nodes = wait_for_nodes(process)
    time.sleep(2)
    os.kill(nodes['triangulation_node'], signal.SIGKILL)
    text, _ = process.communicate(timeout=400)
    assert process.returncode == 1
    assert 'triangulation_node died during the demo' in text
    assert 'Traceback' not in text and not list(tmp_path.iterdir())


def test_ctrl_c_stops_all_nodes_and_leaves_nothing(short_take, root, tmp_path):
    process = start(root, '--take', short_take, '--out', tmp_path / 'r', '--rate', RATE)
    nodes = wait_for_nodes(process)
    os.kill(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=180)
    assert process.returncode == 130 and 'Traceback' not in text
    assert not list(tmp_path.iterdir())
    assert not [pid for pid in nodes.values() if runs(pid)]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--take', '{here}'], 'asked for the take'),
        (['--take', '{take}', '--model', '{here}'], 'manifest.json cannot be read'),
        (['--take', '{take}', '--rate', '0'], '--rate: expected 0.01 to 100'),
        (['--take', '{take}', '--out', '{here}'], 'no result of an earlier run'),
    ],
)
def test_what_can_not_be_done_is_said_at_once(short_take, tmp_path, capsys, words, message):
    (tmp_path / 'thesis.txt').write_text('years of work')
    filled = [w.format(take=short_take, here=tmp_path) for w in words]
    out = [] if '--out' in words else ['--out', str(tmp_path / 'r')]
    assert main(['demo', *filled, *out]) == 1
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']
