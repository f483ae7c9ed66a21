"""The seven tasks, six kinds of exercises and pieces of real music, and made-up phrases; played by both hands."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.exercises import KINDS, play_exercise
from pianokpm_training.simulation.people import Technique
from pianokpm_training.simulation.phrases import play_phrases
from pianokpm_training.simulation.pieces import Piece, draw_excerpt
from pianokpm_training.simulation.score import make_playable, mirror_note

PIECES, PHRASES = 'pieces', 'phrases'
TASKS = (*KINDS, PIECES)
"""What a data set holds unless told otherwise."""

ALL_TASKS = (*TASKS, PHRASES)
"""New ones go to the end: a task's place decides what is drawn."""


def play_task(
    task: str,
    technique: Technique,
    random: np.random.Generator,
    duration: float,
    pieces: Sequence[Piece],
) -> tuple[str, list[Note]]:
    """Draw what someone plays in one take.

    Args:
        task: one of `ALL_TASKS`.
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
        return words, make_playable(notes)[0]
    args = (random, duration, technique.timing, technique.loudness)
    if task == PHRASES:
        words, hands = 'made-up phrases', [play_phrases(*args) for _ in range(2)]
    else:
        words, hands = f'exercises: {task}', [play_exercise(task, *args) for _ in range(2)]
    left, right = hands
    return f'{words}, the left hand mirrored', make_playable([*map(mirror_note, left), *right])[0]


def _louder(note: Note, factor: float) -> Note:
    return replace(note, velocity=int(np.clip(note.velocity * factor, 1, 127)))
