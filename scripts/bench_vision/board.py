"""Part 4: our calibration of `charuco_4cam` from the board alone against its maker's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from pianokpm_ros.capture.video_file import VideoFile, load_timestamps
from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.intrinsics import MIN_VIEWS
from pianokpm_ros.geometry.calibration.observations import (
    Moment,
    Sighting,
    group_moments,
    shift_stamps,
    weigh_by_speed,
)
from pianokpm_ros.geometry.calibration.solve import Calibration, calibrate_rig, triangulate_corners
from pianokpm_ros.geometry.calibration.watch import Watched, check_seen, watch_board
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.rig_formats import load_caliscope

from .footage import CHARUCO_CAMERAS, CHARUCO_PERIOD, make_table

BOARD = Board(4, 5, 0.054, 0.75, 'DICT_4X4_1000', inverted=True)
TOLERANCE = CHARUCO_PERIOD // 2
SIZE = (1280, 720)
FOLDS = 5
BLOCK = 1_000_000_000
"""Halves of the recording are made of every other second [ns]."""

Sightings = dict[str, list[Sighting]]


def bench_board(data: Path, console: Console) -> Rig:
    """Print the comparison and return our rig."""
    folder = data / 'charuco_4cam'
    watched = _watch(folder)
    sightings = {n: w.sightings for n, w in watched.items()}
    maker = load_caliscope(folder / 'camera_array.toml')
    lenses = {c.name: c for c in maker.cameras}
    halves = [_pick_half(sightings, i) for i in (0, 1)]
    own = _calibrate(sightings)
    half = [_calibrate(h) for h in halves]
    table = make_table(
        'charuco_4cam: corners triangulated and pictured again',
        'px median / p90',
        'squares mm (54)',
        "camera distances against the maker's, the six pairs",
    )
    every = _moments(sightings)
    table.add_row("the maker's calibration", *_measure(maker, every), '')
    late = _moments(sightings, own.offsets)
    table.add_row("the maker's, our delays taken off", *_measure(maker, late), '')
    table.add_row('ours', *_measure(own.rig, late), _compare(own, maker))
    for result, seen, words in (
        (half[0], halves[1], 'one half of the time, judged on the other'),
        (half[1], halves[0], 'the other half, judged on the one'),
    ):
        cells = _measure(result.rig, _moments(seen, result.offsets))
        table.add_row(f'ours from {words}', *cells, _compare(result, maker))
    trusted = _calibrate(sightings, lenses=lenses, fix_clocks=True)
    words = "ours, the maker's lenses kept and the stamps trusted, as he did"
    table.add_row(words, *_measure(trusted.rig, every), _compare(trusted, maker))
    given = _calibrate(sightings, lenses=lenses)
    cells = _measure(given.rig, _moments(sightings, given.offsets))
    table.add_row("ours, the maker's lenses kept", *cells, _compare(given, maker))
    console.print(table)
    _print_spread(own, sightings, console)
    _print_delays(own, console)
    _print_refusals(watched[CHARUCO_CAMERAS[0]], console)
    return own.rig


def _watch(folder: Path) -> dict[str, Watched]:
    stamps = load_timestamps(folder / 'timestamps.csv')
    videos = {n: VideoFile(n, folder / f'{n}.mp4', timestamps=stamps[n]) for n in CHARUCO_CAMERAS}
    return {n: watch_board(BOARD, v) for n, v in videos.items()}


def _pick_half(sightings: Sightings, which: int) -> Sightings:
    return {n: [s for s in seen if s.stamp // BLOCK % 2 == which] for n, seen in sightings.items()}


def _calibrate(sightings: Sightings, **chosen) -> Calibration:
    return calibrate_rig(BOARD, sightings, dict.fromkeys(sightings, SIZE), TOLERANCE, **chosen)


def _moments(sightings: Sightings, offsets: Mapping[str, float] | None = None) -> list[Moment]:
    weighed = {n: weigh_by_speed(s) for n, s in sightings.items()}
    return group_moments(shift_stamps(weighed, offsets) if offsets else weighed, TOLERANCE)


def _measure(rig: Rig, moments: Sequence[Moment]) -> tuple[str, str]:
    cameras, error, sides = {c.name: c for c in rig.cameras}, [], []
    for moment in moments:
        points = triangulate_corners(cameras, BOARD, moment, {})
        for s in moment.sightings:
            seen = s.at_offset(0.0)
            shown = cameras[s.camera].project(points[s.view.ids])
            error.append(np.linalg.norm(shown - seen, axis=1))
        grid = points.reshape(BOARD.rows - 1, BOARD.columns - 1, 3)
        sides += [np.linalg.norm(np.diff(grid, axis=a), axis=-1).ravel() for a in (0, 1)]
    every, side = np.concatenate(error), 1e3 * np.concatenate(sides)
    return (
        f'{np.nanmedian(every):.2f} / {np.nanpercentile(every, 90):.2f}',
        f'{np.nanmean(side):.2f} +- {np.nanstd(side):.2f}',
    )


def _compare(result: Calibration, maker: Rig) -> str:
    off = [
        distance / np.linalg.norm(maker.camera(a).centre - maker.camera(b).centre) - 1
        for (a, b), distance in result.distances.items()
    ]
    return ' '.join(f'{x:+.1%}' for x in off)


def _print_spread(own: Calibration, sightings: Sightings, console: Console) -> None:
    """Print 1 sigma of the distances by leaving out every fifth of the recording in turn (jackknife)."""
    parts = [
        {n: [s for s in v if s.stamp // BLOCK % FOLDS != k] for n, v in sightings.items()}
        for k in range(FOLDS)
    ]
    found = np.array([list(_calibrate(p).distances.values()) for p in parts])
    whole = np.array(list(own.distances.values()))
    sigma = np.sqrt((FOLDS - 1) * found.var(axis=0)) / whole
    pictures = ', '.join(str(len(v)) for v in sightings.values())
    console.print(
        f'the board is in {pictures} pictures; 1 sigma of our distances, by leaving out fifths: '
        + ' '.join(f'{s:.1%}' for s in sigma)
    )


def _print_delays(result: Calibration, console: Console) -> None:
    late = ', '.join(f'{c.name} {1e3 * c.delay:.0f}' for c in result.rig.cameras)
    console.print(f"pictures older than their stamps by ms: {late}; the maker's knows of none")


def _print_refusals(seen: Watched, console: Console) -> None:
    """Print what is said of a wrong board, a mirrored one, and one that is hardly ever seen."""
    blind = replace(seen, sightings=[])
    mirrored = [np.ascontiguousarray(p[:, ::-1]) for p in seen.samples]
    for words, board, watched in (
        ('6 x 8 squares said', replace(BOARD, columns=6, rows=8), blind),
        ('not inverted said', replace(BOARD, inverted=False), blind),
        ('another dictionary said', replace(BOARD, dictionary='DICT_6X6_250'), blind),
        ('mirrored pictures', BOARD, replace(blind, samples=mirrored)),
        ('three pictures of it', BOARD, replace(seen, sightings=seen.sightings[:3])),
    ):
        try:
            check_seen(board, {CHARUCO_CAMERAS[0]: watched}, MIN_VIEWS)
            console.print(f'{words}: NOT REFUSED')
        except CalibrationError as error:
            console.print(f'{words}: {error}')
