"""Find out why a board isn't recognised: which other board the pictures show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError, list_dictionaries
from pianokpm_ros.geometry.calibration.observations import Sighting, check_layout

FLAT = 0.1
"""Corners of a recognised board lie this near to a flat board's [squares]."""

ENOUGH = 3
"""Pictures in which a guess must be recognised."""

MAX_SIDE = 16
"""Larger boards are not guessed."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class _Guess:
    board: Board
    mirrored: bool
    words: str


def diagnose(board: Board, pictures: Sequence[Picture]) -> str:
    """Return in words what the pictures show instead of `board`; empty if nothing better is found."""
    for guess in [*_list_guesses(board), *_list_layouts(board, pictures)]:
        if _count(guess, pictures) >= max(1, min(ENOUGH, len(pictures))):
            return guess.words
    if not any(len(board.find_markers(p)) for p in pictures):
        return (
            f'no marker of {board.dictionary} is in the pictures; show the board nearer, sharper and '
            'lit evenly, or name its dictionary'
        )
    return ''


def refuse(camera: str, board: Board, pictures: Sequence[Picture]) -> CalibrationError:
    """Make the refusal for a camera whose pictures don't show the board as described."""
    why = diagnose(board, pictures) or 'show the whole board, sharp, from near'
    return CalibrationError(
        f'camera {camera!r}: the board ({board.columns} x {board.rows} squares, {board.dictionary}'
        f'{", inverted" if board.inverted else ""}) is not in its pictures: {why}'
    )


def _list_guesses(board: Board) -> list[_Guess]:
    other = replace(board, inverted=not board.inverted)
    flag = 'without --inverted' if board.inverted else 'with --inverted'
    guesses = [
        _Guess(board, True, 'the pictures are mirrored; switch mirroring off in the camera'),
        _Guess(other, False, f'it is recognised {flag}'),
        _Guess(other, True, f'the pictures are mirrored, and it is recognised {flag}'),
        _Guess(
            replace(board, legacy=not board.legacy),
            False,
            f'it is recognised {"without" if board.legacy else "with"} --legacy '
            '(pattern of OpenCV before 4.6)',
        ),
    ]
    for name in list_dictionaries():
        if name != board.dictionary and name.endswith(
            ('_1000', '_ORIGINAL', '_36h11', 'MIP_36h12')
        ):
            try:
                changed = replace(board, dictionary=name)
            except CalibrationError:
                continue
            words = f'its markers are of the dictionary {name} (or one with fewer of the same)'
            guesses.append(_Guess(changed, False, words))
    return guesses


def _list_layouts(board: Board, pictures: Sequence[Picture]) -> list[_Guess]:
    """List the boards with as many markers as the highest number seen; nearly square ones first."""
    numbers = sorted(int(i) for p in pictures for i in board.find_markers(p))
    if not numbers:
        return []
    # A single false marker must not decide: the highest number that was seen at least twice.
    twice = [a for a, b in zip(numbers, numbers[1:], strict=False) if a == b]
    count = (twice or numbers)[-1] + 1
    sizes = [
        (c, r)
        for c in range(3, MAX_SIDE)
        for r in range(3, MAX_SIDE)
        if c * r // 2 == count and (c, r) != (board.columns, board.rows)
    ]
    return [
        _Guess(
            replace(board, columns=c, rows=r),
            False,
            f'it is recognised as a board of {c} columns x {r} rows',
        )
        for c, r in sorted(sizes, key=lambda s: abs(s[0] - s[1]))
    ]


def _count(guess: _Guess, pictures: Sequence[Picture]) -> int:
    found = 0
    for picture in pictures:
        shown = np.ascontiguousarray(picture[:, ::-1]) if guess.mirrored else picture
        view = guess.board.find(shown)
        if view is not None:
            found += check_layout(guess.board, [Sighting('', 0, view)]) < FLAT
    return found
