"""Measure the vision front end: speed, accuracy, calibration, faults; everything is printed.

Real recordings come from --data, filmed simulations with truth from --take (default: the take that ships).
"""

import argparse
import logging
import os
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from pianokpm_ros.anatomy import Side
from pianokpm_ros.commands.native_log import quiet_native_log
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.rig_formats import load_caliscope
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.region_detector import RegionSettings
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take

from . import footage
from .board import bench_board
from .engines import bench_engines
from .faults import print_faults
from .played import print_played
from .recordings import bench_charuco, bench_stereo
from .single import print_single
from .solvers import bench_solvers
from .speed import (
    compare_speed,
    hide_hand,
    judge_pixels,
    make_ways,
    print_real_time,
    print_shares,
)
from .studio import detect_take, errors_of, print_solvers, print_views, track, truth_at
from .turns import print_turns
from .worst_frames import draw_worst

PARTS = ('engines', 'speed', 'studio', 'recordings', 'board', 'solvers', 'played')
SMALL = (640, 480)
CLIP = 60
"""Frames of the take that are played there and back for timing."""


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(prog='python -m scripts.bench_vision', description=__doc__)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--take', type=Path, help='folder of a take (default: the one that ships)')
    parser.add_argument('--frames', type=int, default=120, help='of the take (%(default)s)')
    parser.add_argument('--out', type=Path, default=Path('out/bench_vision'), help='for pictures')
    parser.add_argument('--seconds', type=float, default=3.0, help='of a timing (%(default)s)')
    arguments = parser.parse_args()
    with quiet_native_log():
        _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.ERROR)
    cv2.setNumThreads(1)
    console = Console(width=170, highlight=False)
    console.print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start')
    real = (arguments.data / 'charuco_4cam').is_dir()
    if not real:
        console.print(f'no recordings in {arguments.data}: what needs them is left out (--data)')
    if 'engines' in arguments.parts:
        bench_engines(console)
    if real:
        _bench_real(arguments, console)
    _bench_take(arguments, console)


def _bench_real(arguments: argparse.Namespace, console: Console) -> None:
    parts, data = arguments.parts, arguments.data
    maker = load_caliscope(data / 'charuco_4cam' / 'camera_array.toml')
    own = bench_board(data, console) if {'board', 'recordings'} & set(parts) else None
    if 'recordings' in parts:
        bench_charuco(data, own, console, arguments.out)
        bench_stereo(data, console, arguments.out)
    if 'solvers' in parts:
        bench_solvers(maker, console)
    if 'speed' in parts:
        _bench_real_speed(arguments, maker, console)


def _bench_real_speed(arguments: argparse.Namespace, maker: Rig, console: Console) -> None:
    rig, seconds = footage.shrink_rig(maker, SMALL), arguments.seconds
    two = [
        {n: footage.shrink(f, SMALL) for n, f in t.items()}
        for t in footage.charuco_frames(arguments.data)[footage.BARE_HANDS]
    ]
    one = hide_hand(two, rig, Side.LEFT)
    compare_speed('charuco_4cam, two hands', two, rig, console, seconds, judge_pixels)
    compare_speed('charuco_4cam, one hand', one, rig, console, seconds, judge_pixels)
    print_real_time(one, rig, console, seconds)


def _bench_take(arguments: argparse.Namespace, console: Console) -> None:
    if not {'speed', 'studio', 'played'} & set(arguments.parts):
        return
    take = load_take(arguments.take or find_asset('takes/demo'))
    frames = list(footage.read_together(take.videos, count=arguments.frames))
    words = f'{take.performance.name} (simulated, {len(frames)} frames, {len(take.videos)} views)'
    if 'speed' in arguments.parts:
        clip = frames[:CLIP]

        def judge(rig: Rig, sets) -> str:
            poses, _ = track(rig, [s for _, s in sets])
            stamps = [min(f.stamp for f in clip[i].values()) for i, _ in sets]
            return f'{np.nanmean(errors_of(take, poses, stamps)):.2f} mm'

        compare_speed(words, clip, take.rig, console, arguments.seconds, judge)
        print_shares(clip, take.rig, console)
    if 'studio' in arguments.parts:
        _bench_accuracy(take, frames, words, arguments.out, console)
    if 'played' in arguments.parts:
        whole = footage.read_together(take.videos)
        sets = detect_take(lambda: GuidedWorkers(take.rig, HandEngine('full')), whole)
        print_played(take.performance.name, take, sets, console)


def _bench_accuracy(
    take: Take, frames: list[dict], words: str, out: Path, console: Console
) -> None:
    ways = make_ways(take.rig)
    shown = ('solutions.hands full', 'guided regions full', 'guided regions full int8')
    found = {n: detect_take(ways[n], frames) for n in shown if n in ways}
    found['guided regions full, 5 looks'] = detect_take(
        lambda: GuidedWorkers(take.rig, HandEngine('full'), RegionSettings(looks=5)), frames
    )
    console.print(words)
    for name, sets in found.items():
        print_views(name, take, sets, console)
    sets = found['guided regions full']
    rows = [(c, s.views[c.name], truth_at(take, s.stamp)) for s in sets for c in take.rig.cameras]
    print_single(words, rows, console)
    print_solvers(take, sets, console)
    print_faults(take, sets, console)
    print_turns(take, frames, console)
    path = out / 'worst_frames.png'
    draw_worst(take, frames, sets, path)
    console.print(f'worst frames: {path}')


if __name__ == '__main__':
    main()
