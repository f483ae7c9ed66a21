"""Delays from hands that moved in a recording: a rig of known cameras, one of which is late."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.commands import calibrate
from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.clock_offset import DelayError
from pianokpm_ros.geometry.rig import Rig, load_rig, save_rig
from pianokpm_ros.recording.writer import BagWriter

from .test_alignment import film


def parse(*words):
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    return parser.parse_args([str(w) for w in words])


@pytest.fixture
def files(tmp_path, rig):
    """A rig that knows of one delay already, and where to write."""
    cameras = tuple(replace(c, delay=0.02 if c.name == 'left' else 0.0) for c in rig.cameras)
    save_rig(Rig(cameras), tmp_path / 'rig.yaml')

    def record(records):
        with BagWriter(tmp_path / 'bag') as bag:
            for camera, own in records.items():
                for r in own:
                    bag.write_record(f'{camera}/hands', r, r.stamp)
        return tmp_path / 'bag'

    return tmp_path, record


def test_delays_found_add_to_those_that_stamps_allow_for(files, rig, hands, capsys):
    folder, record = files
    bag = record(film(rig, hands, {'left': 0.050, 'front': 0.023}))
    words = ('--delays', bag, '--rig', folder / 'rig.yaml', '-o', folder / 'new.yaml')
    assert calibrate.run(parse(*words)) == 0
    found = {c.name: c.delay for c in load_rig(folder / 'new.yaml').cameras}
    wanted = {'top': 0.0, 'left': 0.070, 'right': 0.0, 'front': 0.023}
    assert found == pytest.approx(wanted, abs=0.003)
    assert 'views are apart' in capsys.readouterr().out
    kept = (
        load_rig(folder / 'rig.yaml').camera('left'),
        load_rig(folder / 'new.yaml').camera('left'),
    )
    np.testing.assert_allclose(kept[0].translation, kept[1].translation)


def test_a_rig_without_late_cameras_stays_as_it_is(files, rig, hands, capsys):
    folder, record = files
    record(film(rig, hands, {}))
    words = ('--delays', folder, '--rig', folder / 'rig.yaml', '-o', folder / 'new.yaml')
    assert calibrate.run(parse(*words)) == 0
    assert (folder / 'new.yaml').read_text() == (folder / 'rig.yaml').read_text()
    assert 'as good as any' in capsys.readouterr().out


def test_what_tells_nothing_of_time_is_refused_and_nothing_written(files, rig, hands):
    folder, record = files
    still = film(rig, hands, {}, count=40)
    first = {n: [replace(own[0], stamp=r.stamp) for r in own] for n, own in still.items()}
    bag = record(first | {'front': []})
    words = ('--delays', bag, '--rig', folder / 'rig.yaml', '-o', folder / 'new.yaml')
    with pytest.raises(CalibrationError, match='no landmarks of front'):
        calibrate.run(parse(*words))
    three = load_rig(folder / 'rig.yaml').select(('top', 'left', 'right'))
    save_rig(three, folder / 'three.yaml')
    with pytest.raises(DelayError, match='hands that rest'):
        calibrate.run(parse(*words[:2], '--rig', folder / 'three.yaml', *words[4:]))
    for odd in (('--delays', bag), (*words, '--click', folder / 'points.yaml')):
        with pytest.raises(CalibrationError, match='--rig RIG'):
            calibrate.run(
                parse(*odd, '-o', folder / 'other.yaml') if odd[-1] == bag else parse(*odd)
            )
    assert not (folder / 'new.yaml').exists()
