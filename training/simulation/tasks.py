"""The seven tasks: six kinds of exercises and pieces of real music, played by both hands."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.exercises import KINDS, play_exercise
from pianokpm_training.simulation.people import Technique
from pianokpm_training.simulation.pieces import Piece, draw_excerpt
from pianokpm_training.simulation.score import make_playable, mirror_note

PIECES = 'pieces'
TASKS = (*KINDS, PIECES)


def play_task(
    task: str,
    technique: Technique,
    random: np.random.Generator,
    duration: float,
    pieces: Sequence[Piece],
) -> tuple[str, list[Note]]:
    """Draw what someone plays in one take.

    Args:
        task: one of `TASKS`.
        technique: of the person; timing and loudness are theirs.
        random: decides everything else.
        duration: of the take [s].
        pieces: to choose from.

    Returns:
        What it is in words, and playable notes of both hands.
    """
    if task == PIECES:
        words, notes = draw_excerpt(pieces, random, duration)
        notes = [_louder(n, technique.loudness) for n in notes]
    else:
        words = f'exercises: {task}, the left hand mirrored'
        args = (duration, technique.timing, technique.loudness)
        notes = [*map(mirror_note, play_exercise(task, random, *args))]
        notes += play_exercise(task, random, *args)
    return words, make_playable(notes)[0]


def _louder(note: Note, factor: float) -> Note:
    return replace(note, velocity=int(np.clip(note.velocity * factor, 1, 127)))
