"""A take played slower than it was: a machine that finds hands in few frames a second can follow it in real time.

The pictures stay, their time stamps are further apart; the MIDI file is played at a lower tempo, the
simulated muscles act as much slower. Nothing about the clocks is simulated: all streams run in real time.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np

from pianokpm_ros.takes import Performance, Take

MIDI, TIMES = 'slow.mid', 'slow.csv'
STAMPS = ('stamp', 'key_stamp', 'envelope_stamp')


def slow_performance(performance: Performance, times: float) -> Performance:
    """Return a performance that takes so many times as long."""
    slow = {n: np.rint(getattr(performance, n) * times).astype(np.int64) for n in STAMPS}
    return replace(performance, **slow, key_velocity=performance.key_velocity / times)


def write_slow(take: Take, times: float, cameras: Sequence[str], out: Path) -> None:
    """Write the MIDI file and the time of every frame in slow time, `MIDI` and `TIMES`."""
    slow_midi(take.midi, times).save(out / MIDI)
    stamps = slow_performance(take.performance, times).stamp * 1e-9
    rows = [f'{name},{i},{t:.9f}' for name in cameras for i, t in enumerate(stamps)]
    (out / TIMES).write_text('\n'.join(['camera,frame_index,frame_time', *rows]) + '\n')


def slow_midi(path: Path, times: float) -> mido.MidiFile:
    """Return a MIDI file at a lower tempo; not one tick changes."""
    made = mido.MidiFile(path)
    for track in made.tracks:
        for message in track:
            if message.type == 'set_tempo':
                message.tempo = round(message.tempo * times)
    return made


def read_strokes(path: Path) -> list[tuple[int, int, bool]]:
    """Read (time [ns], key, down) of a MIDI file, as any other program would."""
    time, strokes = 0.0, []
    for message in mido.MidiFile(path):
        time += message.time
        if message.type in ('note_on', 'note_off'):
            down = message.type == 'note_on' and message.velocity > 0
            strokes.append((round(time * 1e9), message.note, down))
    return strokes
