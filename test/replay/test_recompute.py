import argparse

import numpy as np
import pytest

from pianokpm_ros.commands import replay
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import HandPose, MuscleActivity
from pianokpm_ros.replay.recompute import Recomputation, recompute, write_recomputation

from ..session import make_rig


@pytest.mark.parametrize('source', ['poses', 'landmarks'])
def test_three_runs_give_the_same_bytes(session, bundle, tmp_path, source):
    wanted = Recomputation(bundle, source, make_rig())
    runs = [
        write_recomputation(recompute(session.bag, wanted), tmp_path / f'{source}{i}')
        for i in range(3)
    ]
    assert len({digest for _, digest in runs}) == 1
    files = [next((tmp_path / f'{source}{i}').glob('*.mcap')).read_bytes() for i in range(3)]
    assert files[0] == files[1] == files[2]
    counts = runs[0][0]
    assert counts['/muscle_activity/right'] == counts['/hands/right'] > 200


def test_another_look_ahead_gives_other_bytes(session, bundle, tmp_path):
    digests = {
        write_recomputation(
            recompute(session.bag, Recomputation(bundle, lookahead=look)), tmp_path / str(i)
        )[1]
        for i, look in enumerate((0.0, None))
    }
    assert len(digests) == 2


def test_triangulating_again_finds_the_hand(session, bundle):
    rig = load_rig(session.bag + '/rig.yaml')
    wanted = Recomputation(bundle, 'landmarks', rig)
    errors = []
    for record in recompute(session.bag, wanted):
        if isinstance(record, HandPose):
            index = np.searchsorted(session.performance.stamp, record.stamp - session.play)
            truth = session.performance.landmarks[index, record.side - 1]
            errors.append(np.linalg.norm(record.landmarks - truth, axis=1))
    # 0.4 px at 0.7 m and about 600 px focal length are 0.5 mm sideways, some more in depth.
    assert len(errors) > 400 and np.nanmedian(errors) < 0.003


def test_the_recorded_order_of_keys_and_poses_is_kept(session, bundle):
    with_keys = [
        r for r in recompute(session.bag, Recomputation(bundle)) if isinstance(r, MuscleActivity)
    ]
    assert any(r.inputs & 2 for r in with_keys), 'some estimate rests on MIDI'


def test_missing_inputs_are_named(session, bundle, tmp_path):
    counts, _ = write_recomputation(
        recompute(session.bag, Recomputation(bundle)), tmp_path / 'new'
    )
    assert counts['/keys'] > 100 and len(list(read_bag(tmp_path / 'new'))) == sum(counts.values())
    with pytest.raises(RecordingError, match='landmarks of .* has none'):
        list(recompute(tmp_path / 'new', Recomputation(bundle, 'landmarks', make_rig())))
    with pytest.raises(RecordingError, match='left, top; .* give their rig'):
        list(recompute(session.bag, Recomputation(bundle, 'landmarks')))


def test_the_bag_of_a_result_is_estimated_from_again_and_compared(session, tmp_path, capsys):
    first, second = tmp_path / 'result', tmp_path / 'again'
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    words = [session.bag, '--what', 'landmarks', '--recompute', str(first / 'bag')]
    first.mkdir()
    assert replay.run(parser.parse_args(words)) == 0 and (first / 'bag' / 'rig.yaml').is_file()
    words = [str(first), '--recompute', str(second), '--compare']
    assert replay.run(parser.parse_args(words)) == 0
    assert (second / 'rig.yaml').is_file() and 'RMSE' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--recompute', 'new', '--start', '3', '--no-clock'], '--start, --clock.*plays nothing'),
        (['--person', 'me.json', '--lookahead', '0'], '--person, --lookahead.*add --recompute'),
        (['--compare'], '--compare.*add --recompute'),
        (['--recompute', 'new', '--hand-model', 'lite'], '--what video --recompute'),
        (['--what', 'poses', '--estimate', '--looks', '3'], '--what video --recompute'),
    ],
)
def test_options_that_would_change_nothing_are_refused(words, said):
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    with pytest.raises(RecordingError, match=said):
        replay.run(parser.parse_args(['no_bag', *words]))
