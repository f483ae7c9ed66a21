"""Key motion of a whole take as arrays, cut into records at a steady rate; from key sensors or from MIDI.

Letters: K key samples, P pedal changes. Times are int nanoseconds from the take's start.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.muscle.timebase import DIP, LEVER, REST, KeyTicks, stroke_speed
from pianokpm_ros.records import NANOSECONDS, NO_PEDAL, KeyMotion

FloatArray = NDArray[np.floating]

PEDALS = {64: 0, 66: 1, 67: 2}
"""MIDI controllers of the sustain, sostenuto and soft pedal."""

PERIOD = 10_000_000
"""Time between two records [ns]: the estimator's own tick."""

ESCAPEMENT, DAMPER = 0.7, 0.4
"""Positions at which a key sounds on the way down and is damped on the way up, as parts of the dip."""

TICKS_PER_BEAT, TEMPO = 10_000, 500_000
"""Resolution of the MIDI files written here: 50 us a tick."""


class KeySampleError(PianokpmError, ValueError):
    """A file of key motion can't be used."""


@dataclass(frozen=True, eq=False)
class KeySamples:
    """Motion of keys over a take; between two samples a key stays where it is.

    Attributes:
        stamp: (K,) int64 [ns], not descending.
        key: (K,) MIDI numbers, 21 to 108.
        position: (K,) 0 at rest, 1 at the key bottom.
        velocity: (K,) [1/s], positive downwards; NaN = not measured.
        midi_velocity: (K,) 1..127, 0 = none.
        source: as in `KeyMotion`.
        pedal_stamp: (P,) int64 [ns].
        pedal: (P, 3) state of the pedals from then on.
    """

    stamp: NDArray[np.int64]
    key: NDArray[np.uint8]
    position: FloatArray
    velocity: FloatArray
    midi_velocity: NDArray[np.uint8]
    source: str
    pedal_stamp: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pedal: FloatArray = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    def records(self, until: int, period: int = PERIOD, start: int = 0) -> Iterator[KeyMotion]:
        """Yield the record of each period, the first at time 0, the last not after `until`.

        Args:
            until: end of the take [ns].
            period: time between records [ns].
            start: clock time of the take's time 0 [ns], added to all stamps.
        """
        for sequence, end in enumerate(range(0, until + 1, period)):
            yield self.between(end - period, end, sequence, start)

    def between(self, after: int, until: int, sequence: int, start: int = 0) -> KeyMotion:
        """Make the record of the half-open time (after, until] [ns].

        It holds all samples of that time, and for each key that lay still below its rest a sample
        at its end.
        """
        first, last = np.searchsorted(self.stamp, (after, until), side='right')
        moved = np.arange(first, last)
        held = self._held(last, self.key[moved])
        chosen = np.concatenate([moved, held])
        stamp = np.concatenate([self.stamp[moved], np.full(len(held), until, np.int64)])
        begin = int(stamp[0]) if len(stamp) else until
        velocity = np.concatenate([self.velocity[moved], 0.0 * self.velocity[held]])
        struck = np.concatenate([self.midi_velocity[moved], np.zeros(len(held), np.uint8)])
        return KeyMotion(
            start + begin,
            sequence,
            ((stamp - begin) / NANOSECONDS).astype(np.float32),
            self.key[chosen].astype(np.uint8),
            self.position[chosen].astype(np.float32),
            velocity.astype(np.float32),
            struck.astype(np.uint8),
            self._pedals(until),
            self.source,
        )

    def _held(self, last: int, moved: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the newest sample before index `last` of each key that is down and not in `moved`."""
        newest = [own[i - 1] for own in self._by_key if (i := bisect_left(own, last))]
        held = [n for n in newest if self.position[n] > 0 and self.key[n] not in moved]
        return np.array(held, np.int64)

    @cached_property
    def _by_key(self) -> list[NDArray[np.int64]]:
        """Indices of the samples of each key, ascending: hours of them are sorted once, not at each record."""
        order = np.argsort(self.key, kind='stable')
        begins = np.flatnonzero(np.diff(self.key[order])) + 1
        return np.split(order, begins)

    def _pedals(self, until: int) -> tuple[float, float, float]:
        index = int(np.searchsorted(self.pedal_stamp, until, side='right')) - 1
        return tuple(self.pedal[index].tolist()) if index >= 0 else NO_PEDAL


def positions_at(samples: KeySamples, stamps: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return (T, 88) key positions at (T,) ascending times [ns]."""
    positions = np.zeros((len(stamps), KEY_COUNT), np.float32)
    for key in np.unique(samples.key).tolist():
        own = samples.key == key
        index = np.searchsorted(samples.stamp[own], stamps, side='right')
        values = np.concatenate([[0.0], samples.position[own]])
        positions[:, key - FIRST_KEY] = values[index]
    return positions


def keys_at(samples: KeySamples, stamps: NDArray[np.int64]) -> KeyTicks:
    """Return the keys at (T,) ascending times [ns], all of them known."""
    struck = np.zeros((len(stamps), KEY_COUNT))
    speed = stroke_speed(samples.velocity, samples.midi_velocity)
    for key in np.unique(samples.key).tolist():
        own = samples.key == key
        greatest = _greatest_since_rest(samples.position[own], speed[own])
        index = np.searchsorted(samples.stamp[own], stamps, side='right')
        struck[:, key - FIRST_KEY] = np.concatenate([[0.0], greatest])[index]
    return KeyTicks(positions_at(samples, stamps), struck, np.ones(len(stamps), bool))


def _greatest_since_rest(position: FloatArray, speed: FloatArray) -> FloatArray:
    """Running maximum of (K,) speeds of one key, begun anew wherever it rests."""
    rest = position <= REST
    begins = np.concatenate([[0], np.flatnonzero(rest), [len(rest)]])
    result = np.where(rest, 0.0, speed)
    for start, stop in zip(begins[:-1], begins[1:], strict=True):
        result[start:stop] = np.maximum.accumulate(result[start:stop])
    return result


def read_midi(path: Path | str) -> KeySamples:
    """Read a Standard MIDI file as key motion: 1 at note-on, 0 at note-off, all tracks and channels merged."""
    path = Path(path)
    try:
        messages = list(mido.MidiFile(path, clip=True))
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError) as error:
        raise KeySampleError(
            f"asked for the MIDI file {path}, which can't be read: {error}; name a Standard MIDI file"
        ) from error
    time, notes, pedals = 0.0, [], [(0, [float('nan')] * 3)]
    for message in messages:
        time += message.time
        stamp = round(time * NANOSECONDS)
        if message.type in ('note_on', 'note_off') and 0 <= message.note - FIRST_KEY < KEY_COUNT:
            down = message.type == 'note_on' and message.velocity > 0
            notes.append((stamp, message.note, float(down), message.velocity))
        elif message.type == 'control_change' and message.control in PEDALS:
            state = [*pedals[-1][1]]
            state[PEDALS[message.control]] = message.value / 127
            pedals.append((stamp, state))
    return from_strokes(notes, f'file:{path.name}', pedals[1:])


def from_strokes(
    strokes: Sequence[tuple[int, int, float, int]],
    source: str,
    pedals: Sequence[tuple[int, list[float]]] = (),
) -> KeySamples:
    """Make the key motion that MIDI tells of: keys are down or up, and were struck so hard.

    Args:
        strokes: stamp [ns], key, position, MIDI velocity of each event.
        source: says where they come from.
        pedals: stamp [ns] and the positions of the three pedals, at each change.
    """
    stamp, key, position, struck = zip(*strokes, strict=True) if strokes else ((), (), (), ())
    return KeySamples(
        np.array(stamp, np.int64),
        np.array(key, np.uint8),
        np.array(position, np.float32),
        np.full(len(stamp), np.nan, np.float32),
        np.array(struck, np.uint8),
        source,
        np.array([p[0] for p in pedals], np.int64),
        np.array([p[1] for p in pedals], np.float32).reshape(-1, 3),
    )


def list_strokes(samples: KeySamples) -> list[tuple[int, int, bool, int]]:
    """Find what a piano would sound: (stamp [ns], key, down, MIDI velocity), by time.

    A key sounds where it passes `ESCAPEMENT` downwards. Its speed there gives the hammer's,
    and MIDI velocity = 52 + 25 log2(hammer speed / (1 m/s)) (Goebl and Bresin, 2003). Where the
    speed is unknown, the MIDI velocity told with the sample counts, else how far the key went since the last one.
    """
    strokes = []
    for key in np.unique(samples.key).tolist():
        own = np.flatnonzero(samples.key == key)
        position, down = samples.position[own], False
        for i in range(len(own)):
            if not down and position[i] >= ESCAPEMENT:
                struck = _strike(samples, int(own[max(0, i - 1)]), int(own[i]))
                strokes.append((int(samples.stamp[own[i]]), key, True, struck))
                down = True
            elif down and position[i] <= DAMPER:
                strokes.append((int(samples.stamp[own[i]]), key, False, 0))
                down = False
    return sorted(strokes)


def _strike(samples: KeySamples, before: int, now: int) -> int:
    """Return how hard a key was struck between two of its samples, as MIDI velocity."""
    speed = float(np.fmax(samples.velocity[before], samples.velocity[now]))
    if np.isnan(speed):
        if samples.midi_velocity[now]:
            return int(samples.midi_velocity[now])
        way = float(samples.position[now] - samples.position[before])
        speed = way * NANOSECONDS / max(int(samples.stamp[now] - samples.stamp[before]), 1)
    return int(np.clip(round(52 + 25 * np.log2(max(DIP * LEVER * speed, 1e-3))), 1, 127))


def write_midi(samples: KeySamples, path: Path | str) -> None:
    """Write what a piano would sound as a Standard MIDI file whose time 0 is the take's."""
    track = mido.MidiTrack([mido.MetaMessage('set_tempo', tempo=TEMPO)])
    last = 0
    for stamp, key, down, velocity in list_strokes(samples):
        tick = round(stamp * TICKS_PER_BEAT / (TEMPO * 1000))
        kind = 'note_on' if down else 'note_off'
        track.append(mido.Message(kind, note=key, velocity=velocity, time=tick - last))
        last = tick
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(path)
