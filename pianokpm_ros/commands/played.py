"""`pianokpm calibrate --played`: where the keyboard is, from a recording of hands that play on it."""

from pathlib import Path

from rich.console import Console

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.played_keys import (
    PlayedKeyboard,
    find_keyboard,
    gather_hands,
    is_sound,
)
from pianokpm_ros.geometry.rig import Rig, load_rig
from pianokpm_ros.keyboard.key_presses import find_presses
from pianokpm_ros.keyboard.key_samples import ESCAPEMENT
from pianokpm_ros.messages import type_name
from pianokpm_ros.recording.layout import find_bag
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import KEYBOARD_FRAME, HandPose, KeyMotion


def place_keyboard(bag: Path, rig_file: Path, console: Console) -> Rig:
    """Return a rig in the keyboard's frame.

    Args:
        bag: recorded with this rig; somebody plays in it, seen by two cameras or more, and the keys are in it.
        rig_file: of the cameras, in whatever frame.
        console: to tell what was found.
    """
    bag, rig = find_bag(bag), load_rig(rig_file)
    if rig.frame_id == KEYBOARD_FRAME:
        raise CalibrationError(
            f'asked where the keyboard is, but {rig_file} knows it (frame {rig.frame_id}); name a rig that was '
            'calibrated with a board alone'
        )
    poses, keys = _read(bag, rig)
    strokes = [(press.start, press.key) for press in find_presses(keys, ESCAPEMENT)]
    found = find_keyboard(gather_hands(poses), strokes)
    _print(found, console)
    return found.move(rig)


def _read(bag: Path, rig: Rig) -> tuple[list[HandPose], list[KeyMotion]]:
    """Return sound poses of both hands, and what the keys did."""
    poses: list[HandPose] = []
    keys: list[KeyMotion] = []
    for _, record, _ in read_bag(bag, datatypes={type_name(HandPose), type_name(KeyMotion)}):
        if isinstance(record, KeyMotion):
            keys.append(record)
        elif is_sound(record):
            poses.append(record)
    frames = sorted({p.frame_id for p in poses} - {rig.frame_id})
    if frames:
        raise CalibrationError(
            f'{bag} was recorded with another rig: its hands are in the frame {", ".join(frames)}, the rig has '
            f'{rig.frame_id}; name the rig that was used'
        )
    missing = [w for w, found in (('hands that are OK', poses), ('keys', keys)) if not found]
    if missing:
        raise CalibrationError(
            f'asked where the keyboard is, but {bag} holds no {" and no ".join(missing)}; record somebody who plays '
            'before two cameras or more: pianokpm up ... --rig RIG --keys midi:PORTNAME --record BAG'
        )
    return poses, keys


def _print(found: PlayedKeyboard, console: Console) -> None:
    x, y, z = 1e3 * found.beside
    console.print(
        f'{found.strokes} key strokes; in {found.share:.0%} of them a fingertip is at the key, beside the place where '
        f'such keys are usually struck by {x:.0f} mm along the keys, {y:.0f} mm to the front or back, {z:.0f} mm up '
        f'or down (root mean square); the next best place is less likely by e to the {found.lead:.0f}'
    )
