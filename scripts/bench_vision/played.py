"""Where the keyboard is, found from playing alone, against the truth of a filmed simulation."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from rich.console import Console
from scipy.spatial.transform import Rotation

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.played_keys import find_keyboard, gather_hands
from pianokpm_ros.geometry.rig import Rig, move_rig
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.takes import Take

from .footage import make_table
from .studio import track

PLACES = np.array([(y, z) for y in (0.0, 0.1) for z in (0.0, 0.05)])
"""Front and back of the keys, on them and above them, where errors are measured [m]."""


def print_played(name: str, take: Take, sets: Sequence[FrameSet], console: Console) -> None:
    """Print how far off the keyboard is, for all pairs of cameras and for all cameras."""
    strokes = [(s, key) for s, key, down, _ in list_strokes(take.sensor_keys()) if down]
    table = make_table(
        f'{name}: the keyboard found from {len(strokes)} key strokes; largest error over the keys played, mm',
        'strokes with a hand',
        'at their key',
        'lead',
        'along',
        'to front or back',
        'up or down',
    )
    for names in (*combinations(take.rig.names, 2), take.rig.names):
        table.add_row(' and '.join(names), *_try(take.rig.select(names), sets, strokes))
    console.print(table)


def _try(rig: Rig, sets: Sequence[FrameSet], strokes: Sequence[tuple[int, int]]) -> list[str]:
    # A rig calibrated with a board is turned and shifted anyhow against the keys, and doesn't know them.
    turn, shift = Rotation.random(random_state=1).as_matrix(), np.array([0.3, -0.2, 0.8])
    poses, _ = track(move_rig(rig, turn, shift, 'board'), sets)
    hands = gather_hands(pose for both in poses for pose in both.values())
    try:
        found = find_keyboard(hands, strokes)
    except CalibrationError as error:
        return [str(error).split(';')[0].split(':')[0], *['-'] * 5]
    along = KEY_CENTRES[np.array([key for _, key in strokes]) - FIRST_KEY]
    there = np.array([(x, *place) for x in along for place in PLACES])
    off = 1e3 * np.abs((there @ turn.T + shift) @ found.rotation.T + found.shift - there)
    sizes = [f'{o:.0f}' for o in off.max(axis=0)]
    return [str(found.strokes), f'{found.share:.0%}', f'{found.lead:.1f}', *sizes]
