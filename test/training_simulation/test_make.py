"""Data sets are complete, the same from the same seed, and go on where they stopped."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.collection import Entry, open_data
from pianokpm_training.datasets.folder import load_recording
from pianokpm_training.simulation.people import draw_pianist
from pianokpm_training.simulation.requirements import SimulationError
from pianokpm_training.simulation.splits import make_splits

from pianokpm_ros.anatomy import Side


@pytest.fixture(scope='module')
def made(extra, tmp_path_factory):
    """Make a data set of one person, one task and two takes."""
    from pianokpm_training.simulation.make import Order, make_data

    folder = tmp_path_factory.mktemp('data') / 'set'
    order = Order(seed=5, people=1, tasks=('repeated',), seconds=8.0, trials=2)
    make_data(order, folder, workers=1)
    return order, folder


def test_recordings_hold_everything(made):
    data = open_data(made[1])
    assert len(data.entries) == 4  # two takes of two hands
    recording = data.load(data.entries['s01_repeated_1_left'])
    assert recording.info.side == Side.LEFT and recording.info.simulated
    assert recording.info.normalization == 'MVC'
    assert recording.pose.rate == pytest.approx(60, rel=1e-3)
    assert recording.emg.rate == 2000 and recording.emg.unit == 'V'
    assert recording.envelope.rate == 1000 and recording.envelope.unit == 'mvc'
    assert np.isfinite(recording.envelope.samples).all()
    assert recording.envelope.samples.max() < 1.5
    assert set(recording.notes.side) == {1, 2}, 'keys and notes are of both hands'
    assert 'pianist' in recording.info.provenance
    assert 'myo-sim' in recording.info.provenance['versions']
    assert 'never the truth' in recording.info.provenance['label']


def test_envelope_follows_the_excitation(made):
    recording = load_recording(made[1] / 's01' / 's01_repeated_0_right')
    drive = recording.excitation
    course = np.stack(
        [np.interp(recording.envelope.stamp, drive.stamp, c) for c in drive.samples.T],
        axis=1,
    )
    busiest = np.argmax(course.std(axis=0))
    assert np.corrcoef(course[:, busiest], recording.envelope.samples[:, busiest])[0, 1] > 0.5


def test_what_was_lost_is_remade_the_same(made):
    from pianokpm_training.simulation.make import make_data

    order, folder = made
    lost = folder / 's01' / 's01_repeated_0_left'
    before = {f.name: f.read_bytes() for f in lost.iterdir()}
    kept = folder / 's01' / 's01_repeated_1_left' / 'recording.json'
    stamp = kept.stat().st_mtime_ns
    shutil.rmtree(lost)
    counts = []
    make_data(order, folder, 1, lambda p: counts.append((p.done, p.total)))
    assert counts == [(1, 2), (2, 2)]
    assert {f.name: f.read_bytes() for f in lost.iterdir()} == before
    assert kept.stat().st_mtime_ns == stamp


def test_another_order_for_the_same_folder_is_refused(made):
    from pianokpm_training.simulation.make import make_data

    with pytest.raises(SimulationError, match='holds another data set'):
        make_data(replace(made[0], seed=6), made[1], 1)


def test_a_foreign_folder_is_refused(extra, tmp_path):
    from pianokpm_training.simulation.make import Order, make_data

    (tmp_path / 'precious').write_text('x')
    with pytest.raises(SimulationError, match='not empty'):
        make_data(Order(), tmp_path, 1)
    assert [p.name for p in tmp_path.iterdir()] == ['precious']


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'tasks': ('juggling',)}, 'tasks are five_finger'),
        ({'people': 0}, 'at least 1'),
        ({'seconds': 5.0}, 'ask for more seconds or fewer trials'),
    ],
)
def test_impossible_orders_are_explained(extra, change, words):
    from pianokpm_training.simulation.make import Order

    with pytest.raises(SimulationError, match=words):
        Order(**change)


def test_people_do_not_depend_on_who_else_is_drawn():
    people = [draw_pianist(1, i) for i in range(20)]
    assert people[3] == draw_pianist(1, 3)
    assert len({p.seed for p in people}) == 20
    sizes = np.array([p.body.size for p in people])
    assert 0.85 < sizes.min() < sizes.max() < 1.2
    json.dumps([p.name for p in people])


def entries(users: int, tasks: int, trials: int) -> list[Entry]:
    """List entries of both hands."""
    names = ('arpeggios', 'chords', 'five_finger', 'pieces', 'repeated', 'scales', 'trills')
    return [
        Entry(f's{u:02d}_{t}_{i}_{s}', '', '', f's{u:02d}', t, i, s, True)
        for u in range(users)
        for t in names[:tasks]
        for i in range(trials)
        for s in ('left', 'right')
    ]


@pytest.mark.parametrize('size', [(20, 7, 3), (3, 7, 1), (1, 1, 2)])
def test_splits_leave_no_take_in_two_roles(size):
    every = {e.name: e for e in entries(*size)}
    splits = make_splits(every.values())
    for roles in splits.values():
        takes = [{n.rsplit('_', 1)[0] for n in names} for names in roles.values()]
        assert sum(map(len, takes)) == len(set().union(*takes))
    held = splits['held_out']
    seen = {(every[n].subject, every[n].task) for n in held['train'] + held['validation']}
    users, tasks = {u for u, _ in seen}, {t for _, t in seen}
    assert all(every[n].subject not in users for n in held['test_users'])
    assert all(every[n].task not in tasks for n in held['test_tasks'])
    if size == (20, 7, 3):
        assert len({every[n].subject for n in held['test_users']}) == 4
        assert len(splits['within']['train']) == 20 * 7 * 2


def test_a_take_with_nothing_within_reach_gives_no_recordings(takes):
    from dataclasses import replace

    from pianokpm_training.simulation.results import to_recordings
    from pianokpm_training.simulation.sight import load_sight

    played = takes['chords']
    hands = {
        side: replace(hand, plan=replace(hand.plan, notes=(), strokes=()))
        for side, hand in played.hands.items()
    }
    silent = replace(played, notes=(), hands=hands)
    info = {'subject': 's01', 'task': 'chords', 'trial': 0, 'provenance': {'seed': [1]}}
    assert to_recordings(silent, 60.0, load_sight(), info) == []
