"""Where the keyboard is, from hands that play: the take that ships, as a rig sees it that knows no keys."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.commands import calibrate
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.played_keys import find_keyboard
from pianokpm_ros.geometry.rig import load_rig, move_rig, save_rig
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import HandPose
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

TURN = Rotation.from_euler('xyz', (130, 20, -60), degrees=True).as_matrix()
SHIFT = np.array([0.3, -0.2, 0.8])
"""From the keyboard's frame into that of a rig calibrated with a board."""


@pytest.fixture(scope='module')
def take():
    return load_take(find_asset('takes/demo'))


@pytest.fixture(scope='module')
def strokes(take):
    return [(stamp, key) for stamp, key, down, _ in list_strokes(take.sensor_keys()) if down]


@pytest.fixture(scope='module')
def hands(take):
    """Each landmark is beside its joint by 4 mm an axis, and jitters by 1 mm."""
    rng, hands = np.random.default_rng(1), {}
    for column, side in enumerate(SIDES):
        points = take.performance.landmarks[:, column].astype(float)
        points += rng.normal(0, 0.004, points.shape[1:]) + rng.normal(0, 0.001, points.shape)
        known = np.isfinite(points).all(axis=(1, 2))
        hands[side] = (take.performance.stamp[known], points[known] @ TURN.T + SHIFT)
    return hands


def measure(strokes, place):
    """Return by how much places over the keys played are off [m], largest along x, y and z."""
    along = KEY_CENTRES[np.array([key for _, key in strokes]) - FIRST_KEY]
    there = np.array([(x, y, z) for x in along for y in (0, 0.1) for z in (0, 0.05)])
    return np.abs(place(there @ TURN.T + SHIFT) - there).max(axis=0)


def test_playing_tells_where_the_keys_are(hands, strokes):
    found = find_keyboard(hands, strokes)
    assert found.strokes == len(strokes) == 51
    assert found.share > 0.8 and found.lead > 10
    off = measure(strokes, lambda p: p @ found.rotation.T + found.shift)
    # A quarter of a key along them; the player's hands tell less of the rest.
    assert (off < [0.006, 0.030, 0.020]).all()
    assert (found.beside < [0.010, 0.020, 0.010]).all()


def test_one_hand_does(hands, strokes):
    right = {Side.RIGHT: hands[Side.RIGHT], Side.LEFT: (np.zeros(0, int), np.zeros((0, 21, 3)))}
    found = find_keyboard(right, strokes)
    off = measure(strokes, lambda p: p @ found.rotation.T + found.shift)
    assert off[0] < 0.010 and off[2] < 0.040


def test_what_does_not_tell_is_refused(hands, strokes):
    with pytest.raises(CalibrationError, match='20 of 20 key strokes .* at least 30'):
        find_keyboard(hands, strokes[:20])
    gone = {side: (stamps[:0], points[:0]) for side, (stamps, points) in hands.items()}
    with pytest.raises(CalibrationError, match='0 of 51 key strokes'):
        find_keyboard(gone, strokes)
    keys = np.random.default_rng(2).integers(40, 90, len(strokes)).tolist()
    others = [(stamp, key) for (stamp, _), key in zip(strokes, keys, strict=True)]
    with pytest.raises(CalibrationError, match='do not tell where the keyboard is'):
        find_keyboard(hands, others)


@pytest.fixture
def record(tmp_path, take, hands):
    """Return a function that records, with or without keys, and the file of a rig that knows no keys."""
    save_rig(move_rig(take.rig, TURN, SHIFT, 'top_optical_frame'), tmp_path / 'board.yaml')

    def write(name, keys=True, frame='top_optical_frame'):
        with BagWriter(tmp_path / name) as bag:
            for side, (stamps, points) in hands.items():
                for i, (stamp, own) in enumerate(zip(stamps.tolist(), points, strict=True)):
                    pose = replace(
                        HandPose.invalid(stamp, frame, i, side),
                        status=Status.OK,
                        landmarks=own.astype(np.float32),
                    )
                    bag.write_record(f'hands/{side.name.lower()}', pose, stamp)
            for motion in take.sensor_keys().records(take.performance.duration) if keys else ():
                bag.write_record('keys', motion, motion.stamp)
        return tmp_path / name

    return write, tmp_path / 'board.yaml'


def run(*words):
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    return calibrate.run(parser.parse_args([str(w) for w in words]))


def test_the_command_moves_the_rig_to_the_keys(record, take, strokes, tmp_path, capsys):
    write, board = record
    new = tmp_path / 'rig.yaml'
    assert run('--played', write('bag'), '--rig', board, '-o', new) == 0
    assert '51 key strokes' in capsys.readouterr().out
    rig = load_rig(new)
    assert rig.frame_id == take.rig.frame_id == 'keyboard'
    along = KEY_CENTRES[np.array([key for _, key in strokes]) - FIRST_KEY]
    keys = np.column_stack([along, np.full(len(along), 0.03), np.zeros(len(along))])
    for camera in take.rig.cameras:
        off = rig.camera(camera.name).project(keys) - camera.project(keys)
        depth = camera.transform(keys)[:, 2]
        assert (np.linalg.norm(off, axis=1) / camera.focal * depth < 0.020).all()  # [m]


def test_recordings_that_are_not_of_use_are_refused_and_nothing_is_written(record, take, tmp_path):
    write, board = record
    new = tmp_path / 'rig.yaml'
    with pytest.raises(CalibrationError, match='holds no keys; record'):
        run('--played', write('mute', keys=False), '--rig', board, '-o', new)
    with pytest.raises(CalibrationError, match='another rig: its hands are in the frame left'):
        run('--played', write('other', frame='left_optical_frame'), '--rig', board, '-o', new)
    save_rig(take.rig, tmp_path / 'known.yaml')
    with pytest.raises(CalibrationError, match='knows it'):
        run('--played', tmp_path / 'mute', '--rig', tmp_path / 'known.yaml', '-o', new)
    for odd in (('--played', 'bag'), ('--played', 'bag', '--delays', 'bag', '--rig', board)):
        with pytest.raises(CalibrationError, match='--delays BAG or --played BAG'):
            run(*odd, '-o', new)
    assert not new.exists()
