"""Picture of where the board was in each camera's view and how well it fits there."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from pianokpm_ros.geometry.calibration.solve import GRID, Calibration, CameraQuality
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.outputs import whole_file

ARROW = 20.0
"""Residuals are drawn this many times longer than they are."""


def write_coverage(result: Calibration, path: Path | str) -> None:
    """Write a PNG with a panel for each camera, complete or not at all."""
    path, cameras = Path(path), result.rig.cameras
    columns = min(2, len(cameras))
    rows = -(-len(cameras) // columns)
    figure = Figure(figsize=(6.4 * columns, 4.4 * rows + 0.6), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(cameras) :]:
        axis.axis('off')
    worst = max(q.error_90 for q in result.cameras.values())
    for axis, camera in zip(axes, cameras, strict=False):
        points = _draw_camera(axis, camera, result.cameras[camera.name], worst)
    figure.colorbar(points, ax=list(axes), label='distance from the expected place [px]')
    figure.suptitle(
        f'Where the board was in each picture; lines show the error, {ARROW:.0f} times enlarged',
        fontsize=11,
    )
    with whole_file(path) as part:
        figure.savefig(part, format='png', dpi=110)


def _draw_camera(
    axis: Axes, camera: Camera, quality: CameraQuality, worst: float
) -> PathCollection:
    """Draw the corners that a camera saw, coloured by their errors up to `worst` [px]; returns them."""
    off = np.linalg.norm(quality.residuals, axis=1)
    points = axis.scatter(*quality.pixels.T, c=off, s=9, cmap='viridis', vmin=0, vmax=worst)
    arrows = (ARROW * quality.residuals).T
    exact = {'angles': 'xy', 'scale_units': 'xy', 'scale': 1}
    axis.quiver(*quality.pixels.T, *arrows, **exact, width=0.0015, color='0.4')
    _draw_grid(axis, camera.size)
    axis.set_title(
        f'{camera.name}: {quality.views} views, {quality.coverage:.0%} covered, median '
        f'{quality.error:.2f} px, 90 % below {quality.error_90:.2f} px',
        fontsize=10,
    )
    return points


def _draw_grid(axis: Axes, size: tuple[int, int]) -> None:
    """Show the cells that coverage counts, over the whole picture."""
    width, height = size
    axis.set(xlim=(0, width), ylim=(height, 0), aspect='equal')
    axis.set_xticks(np.linspace(0, width, GRID[0] + 1).round())
    axis.set_yticks(np.linspace(0, height, GRID[1] + 1).round())
    axis.grid(color='0.85')
    axis.set_axisbelow(True)
