"""What one view knows of a hand: its error along and across the line of sight, and whether its deviation is true."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.single_view import place_hand
from pianokpm_ros.geometry.triangulation import UPPER
from pianokpm_ros.records import HandLandmarks

from .footage import make_table

NEAR = 30.0
"""Hands whose mean landmark is further from the reference's picture are others, or on top of others [px]."""

Row = tuple[Camera, HandLandmarks, np.ndarray]
"""A camera, what it saw, and (H, 21, 3) reference hands [m] at that moment, rig frame."""


def print_single(words: str, rows: Sequence[Row], console: Console) -> None:
    """Print the table of a recording, a row for each camera."""
    table = make_table(
        f'{words}: hands placed from one view by their size',
        'hands',
        'mean error mm',
        'distance off, mean',
        'root mean square',
        'across, mm an axis',
        'stated mm an axis',
        'found',
        'squared error over stated',
    )
    cameras, every = {c.name: c for c, _, _ in rows}, []
    for name in (*cameras, None):
        found = [m for c, v, r in rows if name in (c.name, None) for m in _measure(c, v, r)]
        every = found or every  # the last row is of all
        if found:
            table.add_row(name or 'all', str(len(found)), *_cells(np.array(found)))
    console.print(table)
    if every:
        stated = 1e3 * np.sqrt(np.array(every)[:, 3])
        console.print(
            f'stated deviation: median {np.median(stated):.1f} mm an axis, 5 to 95 % '
            f'{np.percentile(stated, 5):.0f} to {np.percentile(stated, 95):.0f}'
        )


def _measure(camera: Camera, view: HandLandmarks, reference: np.ndarray) -> list[tuple]:
    measured = []
    for pixels, world in zip(view.pixels, view.world, strict=True):
        off = [np.linalg.norm(camera.project(r) - pixels, axis=1).mean() for r in reference]
        off = np.where(np.isfinite(off), off, np.inf)
        placed = place_hand(camera, pixels, world) if len(off) and off.min() < NEAR else None
        if placed is not None:
            measured.append(_compare(camera, placed, reference[int(np.argmin(off))]))
    return measured


def _compare(camera: Camera, placed, reference: np.ndarray) -> tuple:
    shift = placed.landmarks - reference
    sight = reference.mean(axis=0) - camera.centre
    distance = np.linalg.norm(sight)
    along = shift @ (sight / distance)
    across = np.sqrt(((shift**2).sum(axis=1) - along**2).mean() / 2)
    matrix = np.zeros((3, 3))
    for value, (i, j) in zip(placed.covariance[0], UPPER, strict=True):
        matrix[i, j] = matrix[j, i] = value
    surprise = np.einsum('ij,jk,ik->i', shift, np.linalg.inv(matrix), shift).mean() / 3
    stated, found = np.trace(matrix) / 3, (shift**2).sum(axis=1).mean() / 3
    error = np.linalg.norm(shift, axis=1).mean()
    return error, along.mean() / distance, across**2, stated, found, surprise


def _cells(m: np.ndarray) -> list[str]:
    root = np.sqrt(m.mean(axis=0), where=m.mean(axis=0) > 0, out=np.zeros(m.shape[1]))
    return [
        f'{1e3 * m[:, 0].mean():.0f}',
        f'{m[:, 1].mean():+.1%}',
        f'{np.sqrt((m[:, 1] ** 2).mean()):.1%}',
        *(f'{1e3 * root[i]:.0f}' for i in (2, 3, 4)),
        f'{m[:, 5].mean():.2f}',
    ]
