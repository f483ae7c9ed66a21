"""Recordings come back as they were written, or not at all."""

import hashlib
import json
from dataclasses import fields

import numpy as np
import pytest
from pianokpm_training.datasets.collection import find_recordings
from pianokpm_training.datasets.folder import (
    MANIFEST,
    VIEW,
    load_recording,
    save_recording,
    summarise_recording,
)
from pianokpm_training.datasets.recording import DataError, Part


def assert_same(a: Part, b: Part) -> None:
    """Compare arrays bit by bit and texts."""
    for name, array in a.arrays().items():
        assert array.dtype == b.arrays()[name].dtype
        np.testing.assert_array_equal(array, b.arrays()[name])
    assert a.texts() == b.texts()


def test_round_trip(recording, tmp_path):
    back = load_recording(save_recording(recording, tmp_path / 'r'))
    assert back.info == recording.info
    for f in fields(recording):
        if f.name not in ('info', 'views'):
            assert_same(getattr(recording, f.name), getattr(back, f.name))
    assert_same(recording.views['top'], back.views['top'])
    assert back.views['top'].size == (640, 480)


def test_only_the_parts_asked_for_are_read(recording, tmp_path):
    save_recording(recording, tmp_path / 'r')
    (tmp_path / 'r' / 'emg.npz').unlink()
    back = load_recording(tmp_path / 'r', only=('pose', 'envelope'))
    assert back.pose is not None and back.envelope is not None
    assert back.emg is None and back.keys is None and not back.views


def test_a_changed_file_is_refused(recording, tmp_path):
    save_recording(recording, tmp_path / 'r')
    path = tmp_path / 'r' / 'envelope.npz'
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match='is not the file that was written'):
        load_recording(tmp_path / 'r')


def test_pickles_are_never_read(recording, tmp_path):
    folder = save_recording(recording, tmp_path / 'r')
    np.savez(folder / 'emg.npz', stamp=np.array([object()]), samples=np.zeros((1, 6)))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest['parts']['emg']['sha256'] = hashlib.sha256(
        (folder / 'emg.npz').read_bytes()
    ).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match='allow_pickle'):
        load_recording(folder)


def test_other_schema_and_version_are_refused(recording, tmp_path):
    folder = save_recording(recording, tmp_path / 'r')
    manifest = json.loads((folder / MANIFEST).read_text())
    for change, words in (
        ({'version': 99}, 'has version 99'),
        ({'schema': 'x'}, 'expected the schema'),
    ):
        (folder / MANIFEST).write_text(json.dumps(manifest | change))
        with pytest.raises(DataError, match=words):
            load_recording(folder)


def test_what_a_hand_written_recording_lacks_is_named(recording, tmp_path):
    folder = save_recording(recording, tmp_path / 'r')
    manifest = json.loads((folder / MANIFEST).read_text())
    pose = manifest['parts']['pose']

    def refuse(changed, words):
        (folder / MANIFEST).write_text(json.dumps(changed))
        with pytest.raises(DataError, match=words):
            load_recording(folder)

    bare = {n: v for n, v in manifest.items() if n != 'subject'}
    refuse(bare, 'does not say its subject; docs/dataset.md')
    with pytest.raises(DataError, match='does not say its subject'):
        list(find_recordings(tmp_path))
    refuse(manifest | {'side': 'both'}, "side 'both'; it must be left or right")
    few = {n: v for n, v in pose.items() if n != 'frame_id'}
    refuse(manifest | {'parts': {'pose': few}}, "a PoseTrack must say its 'frame_id'")
    np.savez(folder / 'pose.npz', stamp=np.zeros(1, np.int64))
    digest = hashlib.sha256((folder / 'pose.npz').read_bytes()).hexdigest()
    refuse(
        manifest | {'parts': {'pose': pose | {'sha256': digest}}},
        'plain arrays stamp, landmarks, deviation: .*landmarks',
    )


def test_a_folder_that_is_no_recording_is_not_replaced(recording, tmp_path):
    (tmp_path / 'r').mkdir()
    (tmp_path / 'r' / 'precious.txt').write_text('x')
    with pytest.raises(DataError, match='exists and is none'):
        save_recording(recording, tmp_path / 'r')
    assert (tmp_path / 'r' / 'precious.txt').exists()


def test_nothing_half_written_is_left(recording, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, 'savez_compressed', fail)
    with pytest.raises(KeyboardInterrupt):
        save_recording(recording, tmp_path / 'r')
    assert not (tmp_path / 'r').exists()


def test_a_summary_tells_what_the_whole_recording_would(recording, tmp_path):
    folder = save_recording(recording, tmp_path / 'r')
    held, whole = summarise_recording(folder), load_recording(folder)
    assert held.duration == whole.duration
    assert held.rates['pose'] == pytest.approx(whole.pose.rate, abs=1e-3)
    assert {n for n in held.rates if n.startswith(VIEW)} == {f'{VIEW}{n}' for n in whole.views}
    (folder / 'pose.npz').write_bytes(b'no archive')
    with pytest.raises(DataError, match=r'pose\.npz.*copy the recording again'):
        summarise_recording(folder)
