"""`pianokpm calibrate`: print a board, calibrate cameras with it, or by the piano's own keys."""

import argparse
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_camera import LiveCamera
from pianokpm_ros.capture.live_run import read_size
from pianokpm_ros.capture.opening import check_own_names, open_source, split_source
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import load_timestamps
from pianokpm_ros.commands.clicking import name_corners
from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.delays import find_delays
from pianokpm_ros.commands.played import place_keyboard
from pianokpm_ros.commands.ports import read_port
from pianokpm_ros.commands.progress import show_progress
from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.coverage import write_coverage
from pianokpm_ros.geometry.calibration.intrinsics import MIN_VIEWS
from pianokpm_ros.geometry.calibration.keyboard_frame import (
    Placement,
    Points,
    load_points,
    move_to_keyboard,
    place_by_keyboard,
)
from pianokpm_ros.geometry.calibration.sheet import PAPERS, write_sheet
from pianokpm_ros.geometry.calibration.solve import Calibration, calibrate_rig
from pianokpm_ros.geometry.calibration.watch import Watched, check_seen, watch_board
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig, save_rig
from pianokpm_ros.geometry.rig_exchange import (
    load_lenses,
    save_aniposelib,
    save_caliscope,
    save_camera_info,
)
from pianokpm_ros.outputs import OutputError, check_output
from pianokpm_ros.records import KEYBOARD_FRAME
from pianokpm_ros.viewer.page_server import PORT

DEFAULT_PERIOD = 33_333_333
OPENING = 10.0
"""A live camera that isn't done so long after its time has fallen silent: opening it takes 8 s at most [s]."""

EXPORTS = {'aniposelib': save_aniposelib, 'caliscope': save_caliscope}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        'video',
        nargs='*',
        metavar='[NAME=]VIDEO',
        help='a video of the board for each camera, all begun at the same time, or live cameras '
        '(NAME=/dev/video0, NAME=rtsp://...); cameras are named after the files if not named here; for --click '
        'their view of the keys, photos too',
    )
    parser.add_argument(
        '--seconds', type=float, default=60.0, help='how long to watch live cameras (%(default)g)'
    )
    parser.add_argument(
        '-o', '--output', default='rig.yaml', help='rig file to write (%(default)s)'
    )
    parser.add_argument(
        '--board',
        metavar='FILE',
        help='only write the board as a .pdf or .png to print in true size',
    )
    parser.add_argument('--paper', default='a4', choices=sorted(PAPERS), help='for --board')
    group = parser.add_argument_group('the board')
    group.add_argument('--columns', type=int, default=7, help='squares along x (%(default)s)')
    group.add_argument('--rows', type=int, default=5, help='squares along y (%(default)s)')
    group.add_argument(
        '--square', type=float, default=35.0, help='side of a square, measured [mm] (%(default)s)'
    )
    group.add_argument(
        '--marker', type=float, default=0.75, help='marker in parts of a square (%(default)s)'
    )
    group.add_argument('--dictionary', default='DICT_4X4_50', help='of the markers (%(default)s)')
    group.add_argument('--inverted', action='store_true', help='white and black exchanged')
    group.add_argument('--legacy', action='store_true', help='pattern of OpenCV before 4.6')
    group = parser.add_argument_group('the cameras')
    group.add_argument(
        '--model',
        default='pinhole',
        choices=('pinhole', 'fisheye'),
        help='of the lenses (%(default)s)',
    )
    group.add_argument(
        '--size', default='', metavar='WxH', help='asked of live cameras, such as 1280x720'
    )
    group.add_argument('--format', metavar='CODE', help='likewise: MJPG, YUYV, ...')
    group.add_argument('--frame-rate', type=float, metavar='HZ', help='likewise')
    group.add_argument(
        '--lenses',
        metavar='FILE',
        help="rig file, or ROS' camera calibration YAML, whose intrinsics are kept, by the names of the cameras",
    )
    group.add_argument('--timestamps', metavar='CSV', help='cam_id, frame_index, frame_time')
    group.add_argument(
        '--triggered',
        action='store_true',
        help='trust the stamps: the cameras are triggered together',
    )
    group.add_argument(
        '--keyboard',
        metavar='POINTS',
        help='YAML of named key corners in each picture: puts the rig into the frame of the keyboard; '
        'without videos it is all that is used',
    )
    group.add_argument(
        '--click',
        metavar='POINTS',
        help='name key corners in a browser, in one picture of each camera (a live one, a video, a photo): writes '
        'POINTS, goes on with it where it is there, and calibrates by them',
    )
    group.add_argument(
        '--port', type=read_port, default=PORT, help='of --click (default %(default)s)'
    )
    group.add_argument('--open', action='store_true', help='open a browser for --click')
    group.add_argument(
        '--delays',
        metavar='BAG',
        help="find how late each camera's pictures are from hands that moved in a recording made with --rig",
    )
    group.add_argument(
        '--played',
        metavar='BAG',
        help='find where the keyboard is from somebody who plays on it, in a recording made with --rig and the keys',
    )
    group.add_argument(
        '--rig',
        metavar='RIG',
        help='for --delays and --played: whose cameras stay where they are',
    )
    group.add_argument('--coverage', metavar='PNG', help='picture of where the board was')
    group.add_argument(
        '--camera-info', metavar='FOLDER', help="also write each camera's intrinsics for ROS"
    )
    group.add_argument(
        '--export',
        action='append',
        default=[],
        metavar='FORMAT=FILE',
        help='also write the rig as TOML of aniposelib or caliscope',
    )
    group.add_argument('--replace', action='store_true', help='write over existing files')


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    console = make_console()
    if arguments.board:
        check_output(Path(arguments.board), arguments.replace)
        write_sheet(_make_board(arguments), arguments.board, arguments.paper)
        console.print(f'wrote {arguments.board}: print it at 100 % and measure the line on it')
        return 0
    exports = [_parse_export(e) for e in arguments.export]
    _check_outputs(arguments, [path for _, path in exports])
    rig = _calibrate(arguments, console)
    _check_infos(arguments, rig.names)
    save_rig(rig, arguments.output)
    for save, path in exports:
        save(rig, path)
    if arguments.camera_info:
        folder = Path(arguments.camera_info)
        folder.mkdir(parents=True, exist_ok=True)
        for camera in rig.cameras:
            save_camera_info(camera, folder / f'{camera.name}.yaml')
    words = f'wrote {arguments.output} (frame {rig.frame_id}, {len(rig.cameras)} cameras)'
    console.print(words, soft_wrap=True)
    if rig.frame_id != KEYBOARD_FRAME and len(rig.cameras) > 1:
        console.print(
            'It does not know where the keys are. For a keyboard with MIDI record half a minute of scales with it, '
            f'then: pianokpm calibrate --played BAG --rig {arguments.output} -o NEW',
            soft_wrap=True,
        )
    return 0


def _check_outputs(arguments: argparse.Namespace, exports: list[str]) -> None:
    """Refuse what can't be written before anybody waves a board."""
    for path in (arguments.output, arguments.coverage, *exports):
        if path:
            check_output(Path(path), arguments.replace)
    folder = Path(arguments.camera_info or '.')
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f'asked to write camera infos into {folder}, which is a file; name a folder'
        )
    _check_infos(arguments, [split_source(text)[0] for text in arguments.video])


def _check_infos(arguments: argparse.Namespace, cameras: Sequence[str]) -> None:
    folder = Path(arguments.camera_info or '.')
    for name in cameras if arguments.camera_info else ():
        if (folder / f'{name}.yaml').exists():
            check_output(folder / f'{name}.yaml', arguments.replace)


def _calibrate(arguments: argparse.Namespace, console: Console) -> Rig:
    """Find the cameras by clicks, by a board, or by corners named before."""
    if arguments.click and arguments.keyboard:
        raise CalibrationError(
            'asked for --click and --keyboard; --click goes on with the points that its file holds already'
        )
    if arguments.delays or arguments.played or arguments.rig:
        return _learn_from_recording(arguments, console)
    lenses = load_lenses(arguments.lenses) if arguments.lenses else {}
    points = load_points(arguments.keyboard) if arguments.keyboard else None
    if arguments.click:
        return _calibrate_by_clicks(arguments, lenses, console)
    if arguments.video:
        return _calibrate_by_board(arguments, lenses, points, console)
    if points is None:
        raise CalibrationError(
            'asked to calibrate without anything to see; name a video of the board for each camera, or '
            '--click POINTS with a picture of each, --keyboard POINTS, or --board FILE to print one'
        )
    placement = place_by_keyboard(points, lenses)
    _print_placement(placement, console)
    return placement.rig


def _learn_from_recording(arguments: argparse.Namespace, console: Console) -> Rig:
    others = [n for n in ('video', 'click', 'keyboard', 'lenses') if getattr(arguments, n)]
    bags = [b for b in (arguments.delays, arguments.played) if b]
    if others or len(bags) != 1 or not arguments.rig:
        raise CalibrationError(
            'asked to calibrate by a recording; that takes --delays BAG or --played BAG, and --rig RIG, and nothing '
            'else to see'
        )
    learn = find_delays if arguments.delays else place_keyboard
    return learn(Path(bags[0]), Path(arguments.rig), console)


def _calibrate_by_clicks(
    arguments: argparse.Namespace, lenses: dict[str, Camera], console: Console
) -> Rig:
    asked = _read_settings(arguments)
    name_corners(arguments, asked, lenses, console)
    try:
        placement = place_by_keyboard(load_points(arguments.click), lenses)
    except CalibrationError as error:
        raise CalibrationError(
            f'{error}. The corners are kept: the same command goes on with those in {arguments.click}'
        ) from error
    _print_placement(placement, console)
    return placement.rig


def _read_settings(arguments: argparse.Namespace) -> CameraSettings:
    return CameraSettings(read_size(arguments.size), arguments.frame_rate, arguments.format)


def _make_board(arguments: argparse.Namespace) -> Board:
    return Board(
        arguments.columns,
        arguments.rows,
        arguments.square / 1e3,
        arguments.marker,
        arguments.dictionary,
        arguments.inverted,
        arguments.legacy,
    )


def _parse_export(text: str):
    kind, _, path = text.partition('=')
    if kind not in EXPORTS or not path:
        raise CalibrationError(
            f'asked to export {text!r}; expected FORMAT=FILE with {" or ".join(EXPORTS)}'
        )
    return EXPORTS[kind], path


def _calibrate_by_board(
    arguments: argparse.Namespace,
    lenses: dict[str, Camera],
    points: dict[str, Points] | None,
    console: Console,
) -> Rig:
    board = _make_board(arguments)
    watched = _watch(arguments, board, console)
    check_seen(board, watched, MIN_VIEWS if not lenses else 1)
    periods = [w.period for w in watched.values() if np.isfinite(w.period)]
    result = calibrate_rig(
        board,
        {n: w.sightings for n, w in watched.items()},
        {n: w.size for n, w in watched.items()},
        round(max(periods, default=DEFAULT_PERIOD) / 2),
        arguments.model,
        lenses,
        arguments.triggered,
    )
    _print_result(result, console)
    if arguments.coverage:
        write_coverage(result, arguments.coverage)
        console.print(f'wrote {arguments.coverage}')
    if points is None:
        return result.rig
    rig, scale = move_to_keyboard(result.rig, points)
    console.print(f'the keyboard measures {scale:.4f} of its true size in the calibrated space')
    return rig


def _watch(arguments: argparse.Namespace, board: Board, console: Console) -> dict[str, Watched]:
    stamps = load_timestamps(arguments.timestamps) if arguments.timestamps else {}
    asked = _read_settings(arguments)
    sources = [open_source(text, asked, stamps) for text in arguments.video]
    names = [s.name for s in sources]
    check_own_names(names)
    done, totals = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    over = threading.Event()
    with show_progress(console, {'look': 'looking for the board'}, 'frames') as report:

        def tell(name: str, count: int, total: int | None) -> None:
            if over.is_set():
                raise CaptureError(f'camera {name!r}: given up, as others')
            done[name], totals[name] = count, total or 0
            known = sum(totals.values()) if all(totals.values()) else None
            report('look', sum(done.values()), known)

        live = any(isinstance(s, LiveCamera) for s in sources)
        seconds = arguments.seconds if live else None
        with ThreadPoolExecutor(len(sources) if live else 2) as pool:
            tasks = {
                s.name: pool.submit(watch_board, board, s, partial(tell, s.name), seconds)
                for s in sources
            }
            cameras = [s for s in sources if isinstance(s, LiveCamera)]
            return _collect(tasks, cameras, over, None if seconds is None else seconds + OPENING)


def _collect(
    tasks: dict[str, Future[Watched]],
    cameras: list[LiveCamera],
    over: threading.Event,
    patience: float | None,
) -> dict[str, Watched]:
    """Wait for all; the first that fails, or Ctrl-C, ends the others, as the time does cameras that fell silent."""
    try:
        done, _ = wait(tasks.values(), patience, FIRST_EXCEPTION)
        for task in done:
            task.result()
    except BaseException:
        over.set()
        raise
    finally:
        for camera in cameras:
            camera.close()
    return {name: task.result() for name, task in tasks.items()}


def _print_result(result: Calibration, console: Console) -> None:
    table = Table(title='Calibration')
    for heading in ('camera', 'views', 'error px', '90 % below', 'covered', 'focal px', 'late ms'):
        table.add_column(heading, justify='left' if heading == 'camera' else 'right')
    for camera in result.rig.cameras:
        quality = result.cameras[camera.name]
        table.add_row(
            camera.name,
            str(quality.views),
            f'{quality.error:.2f}',
            f'{quality.error_90:.2f}',
            f'{quality.coverage:.0%}',
            f'{camera.focal:.0f}',
            f'{round(-1e3 * result.offsets[camera.name]):+d}',
        )
    console.print(table)
    if len(result.squares):
        console.print(
            f'squares measured in space: {result.squares.mean() * 1e3:.2f} '
            f'+- {result.squares.std() * 1e3:.2f} mm (true {result.square * 1e3:g} mm)'
        )
    for (a, b), distance in result.distances.items():
        console.print(f'{a} to {b}: {distance:.3f} m')
    for words in result.warnings:
        console.print(f'warning: {words}', style='yellow')


def _print_placement(placement: Placement, console: Console) -> None:
    for camera in placement.rig.cameras:
        doubt = placement.focal_doubt[camera.name]
        focal = f'focal length {camera.focal:.0f} px' + (
            f' +- {doubt:.0%}' if doubt else ' (given)'
        )
        where = ', '.join(f'{x:+.2f}' for x in camera.centre)
        console.print(
            f'{camera.name}: points within {placement.error[camera.name]:.1f} px, worst '
            f'{placement.worst[camera.name]}; {focal}; stands at ({where}) m'
        )
