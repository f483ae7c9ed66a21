"""A second recording of the same excitation shares the course of the envelope, not its noise."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.recording import (
    DataError,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.simulation.ceiling import (
    combine_scores,
    read_pianist,
    score_ceiling,
    second_envelope,
)
from pianokpm_training.simulation.sight import load_sight

from pianokpm_ros.anatomy import MUSCLES, Side


@pytest.fixture(scope='module')
def recording(takes, pianist):
    """Return the right hand's recording of the chords, as it is after a round through JSON."""
    import json
    from dataclasses import asdict

    from pianokpm_training.simulation.results import to_recordings

    provenance = json.loads(json.dumps({'seed': [1, 2], 'pianist': asdict(pianist)}))
    info = {
        'subject': 's01',
        'task': 'chords',
        'trial': 0,
        'description': '',
        'provenance': provenance,
    }
    made = to_recordings(takes['chords'], 60.0, load_sight(), info)
    return next(r for r in made if r.info.side == Side.RIGHT)


def test_the_person_is_read_back(recording, pianist):
    assert read_pianist(recording.info.provenance['pianist']) == pianist


def test_the_second_envelope_is_another_of_the_same(recording):
    first, second = recording.envelope.samples, second_envelope(recording)
    assert second.shape == first.shape
    busiest = int(np.argmax(first.std(axis=0)))
    r = np.corrcoef(first[:, busiest], second[:, busiest])[0, 1]
    assert 0.5 < r < 0.999
    # Same electrodes, pools and MVC: the mean level is the same but for the spikes' chance.
    np.testing.assert_allclose(second.mean(axis=0), first.mean(axis=0), rtol=0.15)


def test_repetitions_are_numbered(recording):
    one = second_envelope(recording, 1)
    np.testing.assert_array_equal(one, second_envelope(recording, 1))
    assert np.abs(one - second_envelope(recording, 2)).max() > 0.01


def test_a_still_muscle_has_no_ceiling_and_a_moving_one_has(recording):
    """Where the excitation never changes nothing can be predicted: r is about 0, whatever the level."""
    drive = recording.excitation
    flat = replace(drive, samples=np.full_like(drive.samples, 0.2))
    still = replace(recording, excitation=flat)
    first, second = second_envelope(still, 7), second_envelope(still, 8)
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)])
    assert np.abs(r).max() < 0.5
    moving = zip(recording.envelope.samples.T, second_envelope(recording).T, strict=True)
    assert max(np.corrcoef(a, b)[0, 1] for a, b in moving) > np.abs(r).max()


def test_scores_are_combined_by_muscle(recording):
    scores = combine_scores([score_ceiling(recording)] * 2)
    assert scores['r'].shape == (len(MUSCLES),)
    assert 0 < float(scores['pooled_rmse']) < 0.2


def test_real_recordings_have_no_ceiling():
    stamp = np.arange(100, dtype=np.int64) * 1_000_000
    pose = PoseTrack(stamp, np.zeros((100, 21, 3), np.float32), np.zeros((100, 21), np.float32))
    signal = SignalTrack(stamp, np.zeros((100, 6), np.float32), MUSCLES, 'mvc', 'test')
    info = RecordingInfo('r', 's01', 'scales', 0, Side.LEFT, 's', False, 'MVC', '')
    with pytest.raises(DataError, match='only simulated'):
        second_envelope(Recording(info, pose=pose, envelope=signal))
