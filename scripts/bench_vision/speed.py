"""Part 1: view-frames a second from four views of 640 x 480, against MediaPipe's own graph in the same run."""

import importlib.util
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
from rich.console import Console

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.mediapipe_detector import MediaPipeDetector
from pianokpm_ros.hands.region_detector import RegionSettings
from pianokpm_ros.hands.turn_workers import LEAST_VIEWS, TurnWorkers
from pianokpm_ros.hands.workers import LandmarkWorkers

from .footage import make_table

ROUNDS = 3
START = 3
"""Sets until both hands are followed and all models have run."""

STEP = 16_666_667
"""Frames are given the stamps of 60 a second [ns], however fast they are done."""


@dataclass(frozen=True)
class Run:
    """How long one way took for a view-frame.

    Attributes:
        rate: view-frames a second.
        work: processor time of all threads for a view-frame [ms].
    """

    rate: float
    work: float


Judge = Callable[[Rig, list[tuple[int, FrameSet]]], str]


def make_ways(rig: Rig) -> dict[str, Callable]:
    """Return what is compared; the first is the reference."""

    def mediapipe(model: str):
        return lambda: LandmarkWorkers(lambda n: MediaPipeDetector(n, n, model=model), rig.names)

    def guided(model: str, runtime: str):
        return lambda: GuidedWorkers(rig, HandEngine(model, runtime=runtime))

    def take_turns(model: str, runtime: str):
        return lambda: TurnWorkers(guided(model, runtime)())

    ways = {f'solutions.hands {model}': mediapipe(model) for model in ('full', 'lite')}
    for runtime in list_runtimes():
        words = '' if runtime == 'litert' else f' {runtime}'
        for model in ('full', 'lite'):
            ways[f'guided regions {model}{words}'] = guided(model, runtime)
    runtime = list_runtimes()[-1]
    for model in ('full', 'lite') if len(rig.names) >= LEAST_VIEWS else ():
        ways[f'guided regions {model} {runtime}, turns'] = take_turns(model, runtime)
    return ways


def list_runtimes() -> tuple[str, ...]:
    """Return the hand engines that are installed."""
    return ('litert', 'int8') if importlib.util.find_spec('openvino') else ('litert',)


def there_and_back(frames: Sequence[dict]) -> Iterator[tuple[int, dict]]:
    """Yield frames with their index, forwards and backwards without end, stamps going on."""
    index, step, moment = 0, 1, 0
    while True:
        yield (
            index,
            {n: replace(f, stamp=moment, sequence=moment) for n, f in frames[index].items()},
        )
        moment += STEP
        if not 0 <= index + step < len(frames):
            step = -step
        index += step


def run_for(workers, frames: Sequence[dict], seconds: float) -> Run:
    """Find hands for some seconds, after a start of some sets."""
    flow, count = there_and_back(frames), 0
    for _ in range(START):
        workers.process(next(flow)[1])
    start, work = time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        count += bool(workers.process(next(flow)[1]))
    work, taken = time.process_time() - work, time.perf_counter() - start
    return Run(count * len(frames[0]) / taken, 1e3 * work / (count * len(frames[0])))


def play_through(workers, frames: Sequence[dict]) -> list[tuple[int, FrameSet]]:
    """Return what is found in all frames, forwards and backwards once, with the index of the frame.

    The same for all ways, however long they take: some frames are harder than others.
    """
    sets, played, last = [], {}, START + 2 * len(frames) - 2
    for turn, (index, together) in enumerate(islice(there_and_back(frames), last + 1)):
        if START <= turn < last:
            played[next(iter(together.values())).stamp] = index
        records = workers.process(together)
        stamp = max((r.stamp for r in records.values()), default=-1)
        if stamp in played:  # by turns hands come a set later, and none of the first
            sets.append((played[stamp], FrameSet(stamp, records)))
    return sets


def compare_speed(
    words: str, clips: list[dict], rig: Rig, console: Console, seconds: float, judge: Judge
) -> None:
    """Print the table of one clip; `judge` says how exact the hands are."""
    ways = make_ways(rig)
    found = {name: _close_after(make(), play_through, clips) for name, make in ways.items()}
    runs: dict[str, list[Run]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, make in ways.items():
            runs[name].append(_close_after(make(), run_for, clips, seconds))
    table = make_table(
        f'{words}, {len(rig.names)} views of {rig.cameras[0].size[0]} x {rig.cameras[0].size[1]}, '
        f'{ROUNDS} rounds of {seconds:g} s; hands and errors of all its frames',
        'view-frames/s',
        'times the first (by rounds)',
        'processor ms a view-frame',
        'times less than the first',
        'hands a view',
        'error',
    )
    first = next(iter(runs.values()))
    for name, taken in runs.items():
        sets = [s for _, s in found[name]]
        hands = np.mean([v.count for s in sets for v in s.views.values()])
        table.add_row(name, *_compare(taken, first), f'{hands:.2f}', judge(rig, found[name]))
    console.print(table)


def _close_after(workers, work: Callable, *arguments):
    try:
        return work(workers, *arguments)
    finally:
        workers.close()


def _compare(runs: Sequence[Run], first: Sequence[Run]) -> list[str]:
    """Return how fast and how costly a way is, against the first of the same round."""
    faster = np.array([r.rate / f.rate for r, f in zip(runs, first, strict=True)])
    less = np.median([f.work / r.work for r, f in zip(runs, first, strict=True)])
    return [
        f'{np.median([r.rate for r in runs]):.0f}',
        f'{np.median(faster):.2f} ({faster.min():.2f} to {faster.max():.2f})',
        f'{np.median([r.work for r in runs]):.1f}',
        f'{less:.2f}',
    ]


def judge_pixels(rig: Rig, sets: list[tuple[int, FrameSet]]) -> str:
    """Say how far the triangulated hands' pictures are from what was seen."""
    triangulator = HandTriangulator(rig)
    poses = [p for _, s in sets for p in triangulator.process(s).values()]
    return f'{np.nanmedian([p.reprojection_error for p in poses]):.2f} px reprojection'


def print_shares(clips: list[dict], rig: Rig, console: Console, count: int = 60) -> None:
    """Print the processor time by stage, of all threads together; one model, so that stages don't overlap."""
    taken: dict[str, float] = defaultdict(float)
    runtime = list_runtimes()[-1]
    engine = HandEngine('full', threads=1, runtime=runtime)
    _watch(engine, 'find_many', 'landmark model and its crops', taken)
    workers, triangulator = GuidedWorkers(rig, engine), HandTriangulator(rig)
    _watch(triangulator, 'process', 'triangulation', taken)
    flow = there_and_back(clips)
    for _ in range(3):  # both hands are found: no searches from here on
        workers.process(next(flow)[1])
    taken.clear()
    begin = time.process_time()
    for _ in range(count):
        records = workers.process(next(flow)[1])
        triangulator.process(FrameSet(max(r.stamp for r in records.values()), records))
    total = time.process_time() - begin
    workers.close()
    taken['telling hands apart, threads'] = total - sum(taken.values())
    shares = sorted(taken.items(), key=lambda t: -t[1])
    console.print(
        f'guided regions full ({runtime}), two hands: {1e3 * total / count:.0f} ms of processor time a set, of these '
        + ', '.join(f'{n} {t / total:.0%}' for n, t in shares)
    )


def _watch(holder, method: str, stage: str, taken: dict[str, float]) -> None:
    """Add up the processor time of a method's calls [s]."""
    call = getattr(holder, method)

    def timed(*arguments, **named):
        start = time.thread_time()  # without what other threads do meanwhile
        result = call(*arguments, **named)
        taken[stage] += time.thread_time() - start
        return result

    setattr(holder, method, timed)


def print_real_time(clips: list[dict], rig: Rig, console: Console, seconds: float) -> None:
    """Print how far two views of one hand are from 60 sets a second."""
    names, cores = rig.names[:2], os.cpu_count() or 1
    pair = [{n: t[n] for n in names} for t in clips]
    for runtime, model in product(list_runtimes(), ('full', 'lite')):
        engine = HandEngine(model, runtime=runtime)
        workers = GuidedWorkers(rig.select(names), engine, RegionSettings(max_hands=1))
        run = _close_after(workers, run_for, pair, seconds)
        console.print(
            f'two views, one hand, {model} ({runtime}): {run.rate / 2:.0f} sets/s here; a set costs '
            f'{2 * run.work:.0f} ms of processor time, so {cores} free cores could do '
            f'{1e3 * cores / (2 * run.work):.0f} (real time is 60)'
        )


def hide_hand(frames: Sequence[dict], rig: Rig, side: Side) -> list[dict]:
    """Paint over one hand, found with the full model, in all frames."""
    settings = RegionSettings(search_period=1, idle_period=1)
    workers = GuidedWorkers(rig, HandEngine('full'), settings)
    hidden = []
    for together in frames:
        records = workers.process(together)
        hidden.append({n: _paint(f, records[n], side) for n, f in together.items()})
    workers.close()
    return hidden


def _paint(frame, record, side: Side):
    image = frame.image.copy()
    for index in np.flatnonzero(record.side == side):
        low = record.pixels[index].min(axis=0).astype(int) - 15
        high = record.pixels[index].max(axis=0).astype(int) + 15
        low, high = np.maximum(low, 0), np.maximum(high, 0)
        image[low[1] : high[1], low[0] : high[0]] = 127
    return replace(frame, image=image)
