"""`pianokpm estimate` as a user runs it, with real MediaPipe on a clip of a real recording; no ROS anywhere."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from pianokpm_ros.anatomy import LANDMARKS, Side
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.cli import main
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.geometry.rig_formats import load_any_rig
from pianokpm_ros.geometry.synchronizer import Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.choice import HandSettings, make_workers
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.recording.layout import RIG
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import HandLandmarks, HandPose, MuscleActivity
from pianokpm_ros.shares import find_asset

from . import scene
from .test_pipeline import same

SCALE = 0.0395
"""Metres in one unit of the recording's calibration, by the hand in it."""

BLOCK_ROS = """
import importlib.abc, sys

class NoRos(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('rclpy', 'pianokpm', 'rosidl_runtime_py', 'sensor_msgs'):
            raise ImportError(f'{name} is blocked')

sys.meta_path.insert(0, NoRos())
from pianokpm_ros.cli import main
sys.exit(main(sys.argv[1:]))
"""


def words_for(clip, *more):
    videos, calibration = clip
    return [
        'estimate',
        *map(str, videos.values()),
        *('--rig', str(calibration), '--scale', str(SCALE)),
        *more,
    ]


def run_without_ros(words, root, **options):
    """Start the command in a process in which ROS can't be imported."""
    return subprocess.Popen(
        [sys.executable, '-c', BLOCK_ROS, *words],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope='module')
def result(clip, model, root, tmp_path_factory):
    """Return the folder of a whole run without ROS, and what it printed."""
    out = tmp_path_factory.mktemp('estimate') / 'clip'
    process = run_without_ros(words_for(clip, '--model', str(model), '--out', str(out)), root)
    text, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert not errors
    return out, text


def records_of(folder, kind):
    return [r for _, r, _ in read_bag(folder / 'bag') if isinstance(r, kind)]


def test_it_equals_feeding_frame_by_frame(result, clip, bundle):
    videos, calibration = clip
    rig = load_any_rig(calibration, (720, 720), SCALE)
    workers = make_workers(HandSettings(), tuple(videos), rig)
    sources = [VideoFile(n, p, ORIGIN) for n, p in videos.items()]
    for source in sources:
        source.open()
    synchronizer = Synchronizer(rig.names, 16_666_667, 100_000_000)
    triangulator = HandTriangulator(rig)
    estimators = {side: MuscleEstimator(bundle, side, bundle.lookaheads[-1]) for side in SIDES}
    hands, poses, activities = [], [], []
    while all(frames := [s.read() for s in sources]):
        for found in workers.process({f.camera: f for f in frames}).values():
            hands.append(found)
            for together in synchronizer.push(found):
                both = triangulator.process(together)
                poses += both.values()
                activities += [estimators[s].push_pose(both[s]) for s in SIDES]
    for kind, expected in (
        (HandLandmarks, hands),
        (HandPose, poses),
        (MuscleActivity, activities),
    ):
        found = records_of(result[0], kind)
        assert len(found) == len(expected) == 60
        # Messages hold float32, and confidence is the only number that was a float64.
        assert all(
            same(a, b) if kind is not MuscleActivity else np.array_equal(a.envelope, b.envelope)
            for a, b in zip(found, expected, strict=True)
        )


def test_stamps_are_those_of_the_frames(result):
    step = 1e9 / 30
    for kind in (HandLandmarks, HandPose, MuscleActivity):
        stamps = sorted({r.stamp for r in records_of(result[0], kind)})
        # Videos hold times in microseconds.
        np.testing.assert_allclose(stamps, ORIGIN + step * np.arange(30), atol=1000)


def test_tables_equal_the_bag(result):
    folder, _ = result
    poses = records_of(folder, HandPose)
    activities = [a for a in records_of(folder, MuscleActivity) if len(a.envelope)]
    for read in (pyarrow.csv.read_csv, pyarrow.parquet.read_table):
        ending = 'csv' if read is pyarrow.csv.read_csv else 'parquet'
        table = read(folder / f'poses.{ending}')
        for i in (0, 8, 20):
            column = table[f'{LANDMARKS[i]}_z_m'].to_numpy().astype(np.float32)
            np.testing.assert_array_equal(column, [p.landmarks[i, 2] for p in poses])
        table = read(folder / f'envelopes.{ending}')
        column = table['1DI_estimate'].to_numpy().astype(np.float32)
        np.testing.assert_array_equal(
            column, np.concatenate([a.envelope[:, 2] for a in activities])
        )
        stamps = table['stamp_ns'].to_numpy()
        # A continuous course at 1 kHz for the one hand there is.
        assert (np.diff(stamps) == 1_000_000).all() and len(stamps) > 900


def test_the_summary_counts_what_is_in_the_bag(result, bundle):
    folder, _ = result
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['videos'] == {'cam0': 'cam0.mp4', 'cam1': 'cam1.mp4'}
    assert summary['frames'] == {'cam0': 30, 'cam1': 30}
    assert summary['messages']['/cam0/hands'] == len(records_of(folder, HandLandmarks)) / 2
    assert summary['estimate']['model_id'] == bundle.model_id
    assert summary['estimate']['simulated_training'] is bundle.simulated_training
    # Nobody waits for a recording: the longest look-ahead, which is the most exact, not that of live use.
    longest = bundle.lookaheads[-1]
    assert summary['estimate']['lookahead_s'] == longest > bundle.default_lookahead
    assert {round(m.lookahead, 6) for m in records_of(folder, MuscleActivity)} == {longest}
    right = summary['hands']['right']
    poses = [p for p in records_of(folder, HandPose) if p.side == Side.RIGHT]
    # The open hand is in sight of both cameras in all frames.
    assert right['pose_status']['OK'] == 1.0
    assert [summary['views'][n]['sides']['right']['found'] for n in ('cam0', 'cam1')] == [30, 30]
    median = np.median(np.concatenate([p.reprojection_error for p in poses]))
    # The bins of the counts are 0.02 px wide.
    assert right['reprojection_error_px']['median'] == pytest.approx(median, abs=0.03)
    assert median < 4 and right['bone_length_variation']['median'] < 0.15
    assert set(summary['files']) == {p.name for p in folder.iterdir()}


def test_the_bag_can_be_estimated_from_again_with_its_own_rig(result, clip):
    rig, used = load_rig(result[0] / 'bag' / RIG), load_any_rig(clip[1], (720, 720), SCALE)
    assert rig.names == used.names
    for mine, theirs in zip(rig.cameras, used.cameras, strict=True):
        np.testing.assert_array_equal(mine.translation, theirs.translation)


def test_pictures_have_all_frames_and_the_plot_is_there(result):
    folder, _ = result
    for name in ('overlay_cam0', 'overlay_cam1', 'mosaic'):
        video = VideoFile(name, folder / f'{name}.mp4')
        video.open()
        stamps = []
        while (frame := video.read()) is not None:
            stamps.append(frame.stamp)
        np.testing.assert_allclose(stamps, 1e9 / 30 * np.arange(30), atol=1000)
    assert (folder / 'activity.png').stat().st_size > 20_000


def test_the_terminal_says_what_it_is_and_where(result, bundle):
    folder, text = result
    flat = ' '.join(text.split())
    for words in ('estimate: 30 of 30 frame sets', 'recorded video', 'no keys', bundle.model_id):
        assert words in flat
    assert 'simulated' in flat and str(folder.name) in flat and 'summary.json' in flat
    assert 'W0000' not in text


def test_poses_only_needs_no_model_and_skips_what_is_not_wanted(clip, tmp_path, capsys):
    words = words_for(
        clip, '--poses-only', '--out', str(tmp_path / 'p'), '--detector', 'mediapipe'
    )
    for name in ('csv', 'overlay', 'mosaic', 'plot'):
        words += ['--skip', name]
    assert main(words) == 0
    assert {p.name for p in (tmp_path / 'p').iterdir()} == {'bag', 'poses.parquet', 'summary.json'}
    assert 'poses only' in capsys.readouterr().out
    # A second run must be told to replace, before it works for minutes.
    assert main(words) == 1
    assert 'exists' in capsys.readouterr().err


def test_a_calibration_in_another_unit_is_refused_with_the_way_out(clip, tmp_path, capsys):
    videos, calibration = clip
    words = ['estimate', *map(str, videos.values()), '--rig', str(calibration), '--poses-only']
    out = tmp_path / 'result'
    assert main([*words, '--hand-model', 'lite', '--out', str(out)]) != 0
    error = capsys.readouterr().err
    # The hand of 90 mm is 2.28 of the maker's units long (1 / 0.0395).
    assert re.search(r'measure 2\.\d+ m .* 0\.07 to 0\.12 m.*--scale hand', error), error
    assert not out.exists()


def test_one_view_without_calibration_is_degraded_not_refused(clip, model, tmp_path, capsys):
    videos, _ = clip
    words = ['estimate', str(videos['cam0']), '--model', str(model), '--out', str(tmp_path / 'r')]
    words += ['--keys', str(find_asset('takes/demo/keys.mid'))]
    assert main([*words, '--skip', 'overlay', '--skip', 'mosaic', '--skip', 'csv']) == 0
    assert 'The keys were not used' in capsys.readouterr().out
    summary = json.loads((tmp_path / 'r' / 'summary.json').read_text())
    assert summary['calibrated'] is False
    assert summary['hands']['right']['pose_status']['DEGRADED'] == 1.0
    assert summary['hands']['right']['reprojection_error_px']['median'] is None


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_kill_and_a_closed_terminal_leave_nothing(clip, model, root, tmp_path, number):
    words = words_for(clip, '--model', str(model), '--out', str(tmp_path / 'r'))
    # `nohup`, under which these tests may run, is obeyed.
    heed = {'preexec_fn': lambda: signal.signal(number, signal.SIG_DFL)}
    process = run_without_ros(words, root, **heed)
    deadline = time.monotonic() + 180
    while not (tmp_path / '.r.part' / 'r' / 'bag').exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and 'interrupted' in errors and 'Traceback' not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['no.mp4'], 'no.mp4, which is no file'),
        (['{video}', '--model', '{folder}'], 'manifest.json cannot be read'),
        (['{video}', '--lookahead', '0.5'], 'look-ahead of 0.5 s; it has'),
        (['{video}', '--scale', '2'], '--scale is of a calibration'),
        (['{video}', '--views', 'top'], '--views is of a take'),
        (['{video}', '--poses-only', '--lookahead', '0.03'], '--poses-only'),
        (['{video}', '--keys', '{video}'], "MIDI file .* can't be read"),
        (['{video}', '--max-hands', '0'], 'expected 1 to 8'),
        (['{video}', '--looks', '10'], 'expected 1 to 9'),
        (['{video}', '--timestamps', '{folder}/no.csv'], 'asked for time stamps in'),
        (['{folder}'], 'neither a video nor a take'),
        (['{video}', '--rig', '{folder}/rig.yaml'], 'asked for the rig file'),
    ],
)
def test_what_can_not_be_done_is_said_before_any_work(tmp_path, capsys, words, message, model):
    video = scene.save_video(tmp_path / 'top.mp4')
    filled = [w.format(video=video, folder=tmp_path) for w in words]
    assert main(['estimate', *filled, '--out', str(tmp_path / 'out')]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith('pianokpm estimate: ')
    assert re.search(message, errors), errors
    assert {p.name for p in tmp_path.iterdir()} == {'top.mp4'}


def test_a_video_without_hands_says_so(tmp_path, capsys, model):
    video = scene.save_video(tmp_path / 'top.mp4', count=3, size=(320, 240))
    assert (
        main(['estimate', str(video), '--out', str(tmp_path / 'out'), '--model', str(model)]) == 0
    )
    assert 'No hand was found in any frame' in ' '.join(capsys.readouterr().out.split())
    assert {p.name for p in (tmp_path / 'out').iterdir()} >= {'bag', 'poses.csv', 'mosaic.mp4'}
    assert not (tmp_path / 'out' / 'activity.png').exists()
