"""Make small folders in the forms that others use; the numbers in them mean nothing."""

import json
import pickle
from pathlib import Path

import numpy as np

SECONDS = 3.0


def make_release(
    folder: Path,
    rate: float = 1000.0,
    takes: tuple[str, ...] = ('t1_p1_1', 't1_p2_1', 't2_p1_1'),
    protocol: int = 4,
) -> dict[str, dict[str, np.ndarray]]:
    """Make an unpacked PianoKPM release with its split files; returns what was written, by take and folder."""
    frames, count = round(60 * SECONDS), round(rate * SECONDS)
    made = {}
    for i, take in enumerate(takes):
        random = np.random.default_rng(i)
        points = random.uniform(100, 900, (2, frames, 21, 3))
        points[0, 5, 3, :2] = 0.0
        made[take] = {
            'hand_data/keyp_top': points[0],
            'hand_data/keyp_right': points[1],
            'keystroke_data': _make_keys(count, rate),
            'emg_data': random.uniform(-1, 1, (count, 6)),
        }
        for name, array in made[take].items():
            path = folder / name / f'{take}.pkl'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(array, protocol=protocol))
    splits = {
        'dataset_architectural.json': {
            'train': [takes[0]],
            'val': [f'{takes[1]}.pkl'],
            'test': [takes[2], 't9_p9_9'],
        },
        'dataset_held_out.json': {
            'train': [takes[0]],
            'val': [],
            'test_cross_user': [takes[1]],
            'test_cross_task': [takes[2]],
        },
    }
    for name, roles in splits.items():
        (folder / name).write_text(json.dumps(roles))
    return made


def make_playable_release(folder: Path, seconds: float = 8.0) -> None:
    """Make a release in which fingers move and EMG follows them: 3 persons play 2 tasks."""
    takes = [f't{task}_p{person}_1' for task in (1, 2) for person in (1, 2, 3)]
    for i, take in enumerate(takes):
        random = np.random.default_rng(i)
        frames, count = round(60 * seconds), round(1000 * seconds)
        bends = [_wander(random, count) for _ in range(5)]  # of the fingers, 0 to 1
        at = (np.arange(frames) * 1000 / 60).astype(int)
        keys = np.full((count, 88), -1.0)
        for finger, bend in enumerate(bends):
            keys[:, 40 - 21 + 2 * finger] = 2 * np.clip(3 * bend - 2, 0, 1) - 1
        emg = np.stack([bends[m % 5] for m in range(6)], axis=1)
        for view, name in enumerate(('hand_data/keyp_top', 'hand_data/keyp_right')):
            points = _draw_hand(np.stack(bends, axis=1)[at], view)
            _write_pickle(folder / name / f'{take}.pkl', points + random.normal(size=points.shape))
        _write_pickle(folder / 'keystroke_data' / f'{take}.pkl', keys)
        _write_pickle(folder / 'emg_data' / f'{take}.pkl', 2 * emg - 1)
    roles = {
        'train': takes[:2],
        'val': [],
        'test_cross_user': takes[2:3],
        'test_cross_task': takes[3:5],
    }
    (folder / 'dataset_held_out.json').write_text(json.dumps(roles))


def _wander(random: np.random.Generator, count: int) -> np.ndarray:
    """A course from 0 to 1 of about a stroke a second."""
    knots = random.uniform(0, 1, count // 250 + 2)
    return np.interp(np.arange(count), np.arange(len(knots)) * 250, knots)


def _draw_hand(bends: np.ndarray, view: int) -> np.ndarray:
    """Draw (T, 21, 3) landmarks of fingers bent by (T, 5); seen from the right they lie above each other."""
    points = np.zeros((len(bends), 21, 3))
    points[..., :2] = (960.0, 700.0)
    for finger in range(5):
        for joint in range(4):
            along = 60.0 + 40.0 * joint * (1.0 - 0.5 * bends[:, finger])
            side = (60.0 * (finger - 2)) * (1.0 - 0.5 * view)
            points[:, 1 + 4 * finger + joint, 0] += side
            points[:, 1 + 4 * finger + joint, 1] -= along
    return points


def _write_pickle(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(array))


def _make_keys(count: int, rate: float) -> np.ndarray:
    """Middle C goes down in 50 ms after 1 s, and up after 2 s; the others rest."""
    keys = np.full((count, 88), -1.0)
    time = np.arange(count) / rate
    depth = np.clip((time - 1.0) / 0.05, 0, 1) - np.clip((time - 2.0) / 0.05, 0, 1)
    keys[:, 60 - 21] = 2.0 * depth - 1.0
    return keys


def make_emg2pose(folder: Path, stages: tuple[str, ...] = ('fist', 'piano')) -> None:
    """Make emg2pose HDF5 files of two users with the table that tells their splits."""
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    rows = ['user,session,filename,side,stage,moving_hand,held_out_user,split,generalization']
    kind = [('time', 'f8'), ('joint_angles', 'f4', (20,)), ('emg', 'f4', (16,))]
    for i, stage in enumerate(stages):
        random = np.random.default_rng(i)
        table = np.zeros(4000, kind)
        table['time'] = 1.6e9 + np.arange(4000) / 2000
        table['joint_angles'] = random.uniform(-0.3, 1.4, (4000, 20))
        table['joint_angles'][1000:1400] = 0.0
        table['emg'] = random.normal(size=(4000, 16))
        name = f'2022-0{i + 1}-01-{stage}_left'
        with h5py.File(folder / f'{name}.hdf5', 'w') as file:
            group = file.create_group('emg2pose')
            group.create_dataset('timeseries', data=table)
            facts = {'session': f'session {i}', 'side': 'left', 'stage': stage, 'user': f'{i}ab'}
            group.attrs.update(facts | {'num_channels': 16, 'sample_rate': 2000})
        split, kind_of = ('train', '') if i == 0 else ('test', 'user_stage')
        rows.append(f'{i}ab,session {i},{name},left,{stage},1,0,{split},{kind_of}')
    (folder / 'emg2pose_metadata.csv').write_text('\n'.join(rows) + '\n')


def make_pairs(folder: Path, number: str = '17', lag: int = 0) -> None:
    """Make a pair of CSV files: EMG whose loudness follows the curl of the index finger, `lag` rows later."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    frames = np.arange(0, 20_000, 40)
    curl = 0.5 + 0.4 * np.sin(2 * np.pi * 0.3 * frames[:, None] / 1000 + np.arange(5))
    lines = ['timestamp,thumb,index,middle,ring,pinky', '0,,,,,']
    for stamp, row in zip(frames, curl, strict=True):
        text = ','.join(f'{v:.6f}' for v in row)
        lines += [f'{stamp + 1},{text}', f'{stamp + 9},{text}']
    (folder / f'angle_{number}.csv').write_text('\n'.join(lines) + '\n')
    count = np.arange(5000)
    loud = 1.0 + np.sin(2 * np.pi * 0.3 * (count - lag) * 4 / 1000 + 1)
    samples = random.normal(size=(5000, 3)) * loud[:, None] * 20 - 5000
    samples[100] = samples[99]
    lines = ['timestamp,ch_1,ch_2,ch_3']
    lines += [f'{4 * i + 3},' + ','.join(f'{v:.4f}' for v in samples[i]) for i in count]
    (folder / f'exg_{number}.csv').write_text('\n'.join(lines) + '\n')
