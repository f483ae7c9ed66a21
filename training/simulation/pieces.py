"""Real music, fingered once: pieces as JSON files of notes, made from MIDI performances.

The pieces that ship with the package are beginnings of performances of the GiantMIDI-Piano data set (Kong et
al. 2020, CC BY 4.0), dealt to two hands and fingered with pianoplayer; each file says so. Make one with
`python -m pianokpm_training.simulation.pieces OUT_FOLDER FILE.mid ...`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.fingering import METHODS, finger_hand
from pianokpm_training.simulation.requirements import SimulationError
from pianokpm_training.simulation.score import make_playable, read_notes, split_hands

from pianokpm_ros.anatomy import Side

SCHEMA, VERSION = 'pianokpm-piece', 1
LENGTH = 45.0
"""How much of a performance is used, from its first note [s]."""


@dataclass(frozen=True)
class Piece:
    """Notes of a piece, with fingers.

    Attributes:
        name: short.
        source: where the performance comes from, and its licence.
        fingering: how fingers were found.
        notes: playable, sorted.
        dropped: how many notes no finger was free for, or lay beyond the hand's reach.
    """

    name: str
    source: str
    fingering: str
    notes: tuple[Note, ...]
    dropped: int

    @property
    def duration(self) -> float:
        """End of the last note [s]."""
        return max((n.end for n in self.notes), default=0.0)


def finger_piece(path: Path, source: str, method: str = 'quick', length: float = LENGTH) -> Piece:
    """Read the beginning of a MIDI performance and find hands and fingers.

    Files cut from longer recordings keep their place in them: what counts is the time after the first note.
    """
    raw = read_notes(path, 0.0, np.inf)
    if not raw:
        raise SimulationError(f'asked to play {path}, which has no notes; name another file')
    first = raw[0].onset
    raw = [replace(n, onset=n.onset - first) for n in raw if n.onset - first < length]
    notes: list[Note] = []
    for side, own in split_hands(raw).items():
        notes += finger_hand(own, side, method)
    playable, _ = make_playable(notes)
    return Piece(Path(path).stem, source, method, tuple(playable), len(raw) - len(playable))


def save_piece(piece: Piece, folder: Path) -> Path:
    """Write a piece as JSON."""
    rows = [
        [round(n.onset, 4), round(n.duration, 4), n.key, n.side.label, n.finger, n.velocity]
        for n in piece.notes
    ]
    content = {
        'schema': SCHEMA,
        'version': VERSION,
        'name': piece.name,
        'source': piece.source,
        'fingering': piece.fingering,
        'dropped': piece.dropped,
        'columns': ['onset', 'duration', 'key', 'side', 'finger', 'velocity'],
        'notes': rows,
    }
    path = Path(folder) / f'{piece.name}.json'
    path.write_text(json.dumps(content).replace('], [', '],\n ['))
    return path


def load_piece(text: str) -> Piece:
    """Read a piece from JSON text."""
    content = json.loads(text)
    if content.get('schema') != SCHEMA or content.get('version') != VERSION:
        raise SimulationError(f'expected {SCHEMA} version {VERSION}; make the piece again')
    notes = tuple(
        Note(onset, duration, key, Side[side.upper()], finger, velocity)
        for onset, duration, key, side, finger, velocity in content['notes']
    )
    return Piece(
        content['name'], content['source'], content['fingering'], notes, content['dropped']
    )


def load_pieces() -> list[Piece]:
    """Read the pieces that ship with the package, by name."""
    folder = resources.files('pianokpm_training.simulation') / 'assets' / 'pieces'
    files = sorted((f for f in folder.iterdir() if f.name.endswith('.json')), key=lambda f: f.name)
    return [load_piece(f.read_text()) for f in files]


def excerpt(piece: Piece, start: float, duration: float, lead: float = 0.8) -> list[Note]:
    """Cut the notes that begin in a window and end before `duration`, moved to begin after `lead` [s]."""
    kept = []
    for n in piece.notes:
        onset = n.onset - start + lead
        length = min(n.duration, duration - 0.4 - onset)
        if n.onset >= start and length > 0.05:
            kept.append(Note(onset, length, n.key, n.side, n.finger, n.velocity))
    return kept


def draw_excerpt(
    pieces: Sequence[Piece], random: np.random.Generator, duration: float
) -> tuple[str, list[Note]]:
    """Choose a piece and a window of it; returns what it is, and its notes."""
    piece = pieces[random.integers(len(pieces))]
    latest = max(piece.duration - duration + 1.2, 0.0)
    start = float(random.uniform(0, latest))
    words = f'{piece.name} from {start:.1f} s ({piece.source}; fingers: {piece.fingering})'
    return words, excerpt(piece, start, duration)


def main() -> None:
    """Make piece files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('midi', type=Path, nargs='+')
    parser.add_argument('--source', default='GiantMIDI-Piano, CC BY 4.0')
    parser.add_argument('--fingering', choices=METHODS, default='pianoplayer')
    parser.add_argument('--length', type=float, default=LENGTH)
    options = parser.parse_args()
    for path in options.midi:
        piece = finger_piece(path, options.source, options.fingering, options.length)
        print(save_piece(piece, options.out), len(piece.notes), 'notes', piece.dropped, 'dropped')


if __name__ == '__main__':
    main()
