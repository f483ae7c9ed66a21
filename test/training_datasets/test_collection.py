"""A data set knows its recordings and splits, and notices changes."""

import json

import pytest
from pianokpm_training.datasets.collection import index_data, open_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError

NAMES = ('s01_scales_0_left', 's02_scales_0_left')
SPLITS = {'users': {'train': NAMES[:1], 'test': NAMES[1:]}}


@pytest.fixture
def folder(tmp_path, make_recording):
    """Make a folder with two recordings and an unfinished one."""
    for i, name in enumerate(NAMES):
        save_recording(make_recording(name, name[:3], i), tmp_path / name[:3] / name)
    save_recording(make_recording('half'), tmp_path / 'half').rename(tmp_path / '.half.part')
    return tmp_path


def test_index_and_open(folder):
    index_data(folder, SPLITS, 'two recordings', {'seed': 1})
    data = open_data(folder)
    assert tuple(data.entries) == NAMES
    assert data.simulated and data.provenance == {'seed': 1}
    (entry,) = data.role('users', 'test')
    assert entry.subject == 's02'
    assert data.load(entry, only=('envelope',)).info.name == NAMES[1]


def test_unknown_role_is_explained(folder):
    data = index_data(folder, SPLITS, '', {})
    with pytest.raises(
        DataError, match='asked for users/validation; this data set has users/train'
    ):
        data.role('users', 'validation')
    with pytest.raises(DataError, match='this data set has no splits'):
        index_data(folder, {}, '', {}).role('users', 'train')


@pytest.mark.parametrize(
    ('splits', 'words'),
    [
        ({'users': {'train': ('nobody',)}}, 'not in the data set'),
        ({'users': {'train': NAMES, 'test': NAMES[:1]}}, 'is in users/train and in users/test'),
    ],
)
def test_bad_splits_are_refused(folder, splits, words):
    with pytest.raises(DataError, match=words):
        index_data(folder, splits, '', {})


def test_persons_and_tasks_never_seen_are_never_seen(folder, make_recording):
    save_recording(make_recording('s01_scales_1_left', 's01', 1), folder / 's01' / 'again')
    again = 's01_scales_1_left'
    for roles, words in (
        ({'train': NAMES[:1], 'test_users': (NAMES[1], again)}, 'test_users .* subject .* s01 is'),
        ({'validation': NAMES[:1], 'test_users': (again,)}, 'subject .* s01 is also learned'),
        ({'train': NAMES[:1], 'test_tasks': NAMES[1:]}, 'test_tasks .* task that is never seen'),
        ({'train': NAMES[:1], 'test_users_tasks': NAMES[1:]}, 'task that is never seen'),
    ):
        data = index_data(folder, {'mixed': roles}, '', {})
        with pytest.raises(DataError, match=words):
            data.refuse_seen('mixed')
    index_data(folder, SPLITS, '', {}).refuse_seen('users')
    fine = {'held_out': {'train': NAMES[:1], 'test_users': NAMES[1:]}}
    index_data(folder, fine, '', {}).refuse_seen('held_out')


def test_a_replaced_recording_is_noticed(folder, make_recording):
    data = index_data(folder, SPLITS, '', {})
    save_recording(make_recording(NAMES[0], 's01', seed=99), folder / 's01' / NAMES[0])
    with pytest.raises(DataError, match='changed since the data set was indexed'):
        data.load(data.entries[NAMES[0]])


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda c: c.pop('splits'), "does not say .*'splits'"),
        (lambda c: c['recordings'][0].pop('side'), 'does not say'),
        (lambda c: c['splits'].update(users=[]), 'does not say'),
        (lambda c: c.update(version=2), 'has version 2 of the format, this program reads 1'),
    ],
)
def test_an_index_that_was_spoiled_is_told(folder, change, words):
    index_data(folder, SPLITS, '', {})
    content = json.loads((folder / 'dataset.json').read_text())
    change(content)
    (folder / 'dataset.json').write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        open_data(folder)
    (folder / 'dataset.json').write_text('[]')
    with pytest.raises(DataError, match='is no pianokpm-dataset; make one'):
        open_data(folder)


def test_missing_data_set_says_how_to_make_one_or_where_one_is(folder):
    with pytest.raises(DataError, match='dataset.json: No such file.*pianokpm simulate'):
        open_data(folder)
    index_data(folder, SPLITS, 'two recordings', {})
    bag = folder.parent / f'{folder.name}_bag'
    bag.mkdir()
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    for wrong, words in (
        (folder / 'nothing', 'no such folder; make one with .*pianokpm simulate'),
        (folder.parent, 'it is none, but .* below it; name that'),
        (folder / 's01', f'part of the one in {folder}; name that'),
        (bag, 'it is a bag.*pianokpm dataset build'),
    ):
        with pytest.raises(DataError, match=words):
            open_data(wrong)
    (folder / 'dataset.json').write_text('{')
    with pytest.raises(DataError, match='dataset.json is damaged'):
        open_data(folder)
