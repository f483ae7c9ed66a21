"""`pianokpm calibrate --delays`: how late each camera's pictures are, from hands that moved in a recording."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.clock_offset import Delays, estimate_delays
from pianokpm_ros.geometry.rig import Rig, load_rig
from pianokpm_ros.messages import type_name
from pianokpm_ros.recording.layout import find_bag
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import HandLandmarks

LEAST_GAIN = 0.1
"""Views must meet in space by so much better, as a part of how far they were apart; else the rig stays as it is."""


def find_delays(bag: Path, rig_file: Path, console: Console) -> Rig:
    """Return a rig with its cameras' delays set right.

    Args:
        bag: recorded with this rig; both hands move in it, seen by two cameras or more.
        rig_file: of the cameras.
        console: to tell what was found.
    """
    bag, rig = find_bag(bag), load_rig(rig_file)
    records: dict[str, list[HandLandmarks]] = {name: [] for name in rig.names}
    for _, record, _ in read_bag(bag, datatypes={type_name(HandLandmarks)}):
        if record.camera in records:
            records[record.camera].append(record)
    unheard = [name for name, own in records.items() if not own]
    if unheard or len(records) < 2:
        raise CalibrationError(
            f'asked for the delays of {", ".join(rig.names)}, but {bag} holds no landmarks of '
            f'{", ".join(unheard) or "a second camera"}; record hands that move: pianokpm up ... --rig {rig_file} '
            '--record BAG'
        )
    for own in records.values():
        own.sort(key=lambda r: r.stamp)
    found = estimate_delays(rig.cameras, records)
    if found.after > (1 - LEAST_GAIN) * found.before:
        console.print('the delays in the rig are as good as any: views meet no better with others')
        return rig
    changed = _set_delays(rig, found)
    _print_delays(rig, changed, found, console)
    return changed


def _set_delays(rig: Rig, found: Delays) -> Rig:
    """Add what was found to what the recording's stamps had allowed for already; the promptest camera has 0."""
    total = {c.name: c.delay + found.delay[c.name] for c in rig.cameras}
    least = min(total.values())
    cameras = tuple(replace(c, delay=round(total[c.name] - least, 4)) for c in rig.cameras)
    return Rig(cameras, rig.frame_id)


def _print_delays(rig: Rig, changed: Rig, found: Delays, console: Console) -> None:
    table = Table(title='Delays')
    for heading in ('camera', 'was [ms]', 'is [ms]'):
        table.add_column(heading, justify='left' if heading == 'camera' else 'right')
    for before, after in zip(rig.cameras, changed.cameras, strict=True):
        table.add_row(before.name, f'{1e3 * before.delay:.0f}', f'{1e3 * after.delay:.0f}')
    console.print(table)
    console.print(
        f'views are apart by {found.before:.1%} of the hand in the picture, {found.after:.1%} with these delays'
    )
