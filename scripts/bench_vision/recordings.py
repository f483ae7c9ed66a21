"""Part 3: the real recordings against the baseline, recomputed in the same run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from pianokpm_ros.anatomy import BONES, FINGER_CHAINS, Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.bones import BoneKeeper, measure_bones
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.rig_formats import load_caliscope, load_handpose3d, scale_rig
from pianokpm_ros.geometry.smoothing import PointSmoother
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulation import solve_equally, triangulate
from pianokpm_ros.geometry.triangulator import HandTriangulator, TriangulatorSettings
from pianokpm_ros.hands.detector import Tracking
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.mediapipe_detector import MediaPipeDetector
from pianokpm_ros.hands.region_detector import RegionSettings
from pianokpm_ros.hands.workers import LandmarkWorkers

from . import footage, measures
from .overlays import draw_hands
from .single import print_single

SCALE_BONE = 0.090
"""Wrist to index MCP, which sets the scale of `hands_stereo` [m]."""

LOOKS = (1, 3, 5)
"""At each hand, compared."""

STEREO_TOLERANCE = 16_000_000
END_BONES = [b for b, bone in enumerate(BONES) if bone[1] in {c[-1] for c in FINGER_CHAINS}]


def bench_charuco(data: Path, own: Rig, console: Console, out: Path, model: str = 'full') -> None:
    """Print the tables of `charuco_4cam`, of all hands and of bare ones, and draw some."""
    frames = footage.charuco_frames(data)
    maker = load_caliscope(data / 'charuco_4cam' / 'camera_array.toml')
    bare = frames[footage.BARE_HANDS.start][maker.names[0]].stamp
    sets = {id(rig): _find_sets(rig, frames, model) for rig in (maker, own)}
    hands = {id(rig): measures.tell_apart(rig.cameras, sets[id(rig)]) for rig in (maker, own)}
    base = _find_baseline(maker, frames, model)
    for words, start in (('all hands, most hold the board', 0), ('bare hands, the last 21', bare)):
        table = footage.make_table(f'charuco_4cam, {model} model: {words}', *measures.HEADINGS)
        chosen = [h for h in base if h.stamp >= start]
        row = measures.score(maker.cameras, chosen, solve_equally).row()
        table.add_row("baseline: MediaPipe static, maker's calibration, DLT", *row)
        for rig, name in ((maker, "maker's"), (own, 'our')):
            chosen = [h for h in hands[id(rig)] if h.stamp >= start - rig.delay_of(rig.names[0])]
            for way, solver in measures.SOLVERS.items():
                row = measures.score(rig.cameras, chosen, solver).row()
                table.add_row(f'guided regions, {name} calibration, {way}', *row)
        held = measures.score(own.cameras, chosen, measures.solve_robust, lambda: _BoneHolder(own))
        table.add_row('the same, bones held', *held.row())
        console.print(table)
    _print_looks(own, frames, model, bare, console)
    _print_statuses(own, sets[id(own)], hands[id(own)], console)
    _print_single(own, sets[id(own)], chosen, console)
    path = out / 'charuco_hands.png'
    draw_hands(own, frames, chosen, held.points, path)
    console.print(f'bare hands as seen (thin) and held (thick): {path}')


def _find_baseline(rig: Rig, frames: list[dict], model: str) -> list[measures.Sighted]:
    def make():
        return LandmarkWorkers(
            lambda n: MediaPipeDetector(n, n, model, Tracking(static=True)), rig.names
        )

    records = footage.detect_all(make, frames)
    sets = footage.bring_together(rig, records, footage.CHARUCO_PERIOD // 2)
    return measures.tell_apart(rig.cameras, sets)


def _find_sets(rig: Rig, frames: list[dict], model: str, looks: int = 1) -> list[FrameSet]:
    settings = RegionSettings(looks=looks)
    records = footage.detect_all(lambda: GuidedWorkers(rig, HandEngine(model), settings), frames)
    return footage.bring_together(rig, records, footage.CHARUCO_PERIOD // 2, align=True)


def _print_looks(rig: Rig, frames: list[dict], model: str, bare: int, console: Console) -> None:
    """Print what several looks at each hand bring."""
    table = footage.make_table(
        f'charuco_4cam, {model} model, our calibration, ours', *measures.HEADINGS
    )
    for looks in LOOKS:
        hands = measures.tell_apart(rig.cameras, _find_sets(rig, frames, model, looks))
        for words, start in (('all', 0), ('bare', bare)):
            chosen = [h for h in hands if h.stamp >= start - rig.delay_of(rig.names[0])]
            row = measures.score(rig.cameras, chosen, measures.solve_robust).row()
            table.add_row(f'looks: {looks}; {words} hands', *row)
    console.print(table)


def _print_statuses(
    rig: Rig, sets: Sequence[FrameSet], hands: Sequence[measures.Sighted], console: Console
) -> None:
    """Print the measures of hands by what the pipeline calls them."""
    table = footage.make_table(
        'charuco_4cam: all hands by what they are called (our calibration, ours)',
        *measures.HEADINGS,
    )
    groups = _group(_call(rig, sets), hands)
    for status, part in groups.items():
        chosen = [hands[i] for i in part]
        row = measures.score(rig.cameras, chosen, measures.solve_robust).row()
        table.add_row(status.name, *row)
    console.print(table)
    sound = [hands[i] for i in groups.get(Status.OK, ())]
    if len(sound) <= measures.ENOUGH:
        return
    parts = ', '.join(f'{name} {cv:.1%}' for name, cv in measures.rank_bones(rig.cameras, sound))
    console.print(f'bones of hands called OK that vary most, and least: {parts}')


def _call(rig: Rig, sets: Sequence[FrameSet]) -> dict[tuple[int, Side], Status]:
    """Return what the pipeline calls each hand of sets that are aligned already."""
    triangulator = HandTriangulator(rig, TriangulatorSettings(align=False))
    return {
        (index, side): pose.status
        for index, frames in enumerate(sets)
        for side, pose in triangulator.process(frames).items()
    }


def _group(
    called: dict[tuple[int, Side], Status], hands: Sequence[measures.Sighted]
) -> dict[Status, list[int]]:
    """Return the indices of the hands that were called alike, the best first."""
    indices = range(len(hands))
    groups = {
        s: [i for i in indices if called[hands[i].index, hands[i].side] == s]
        for s in sorted(Status, reverse=True)
    }
    return {s: part for s, part in groups.items() if part}


def _print_single(
    rig: Rig, sets: Sequence[FrameSet], hands: Sequence[measures.Sighted], console: Console
) -> None:
    """Judge single views of bare hands by what all views say of them."""
    points: dict[int, list] = {}
    for hand in hands:
        points.setdefault(hand.index, []).append(measures.solve_robust(rig.cameras, hand.pixels))
    rows = [
        (rig.camera(n), view, np.array(points[i]))
        for i, s in enumerate(sets)
        if i in points
        for n, view in s.views.items()
    ]
    print_single('charuco_4cam, bare hands, against all four views', rows, console)


class _BoneHolder:
    """Holds bones as the pipeline does, in the order of the hands."""

    def __init__(self, rig: Rig) -> None:
        self._rig, self._keepers = rig, {s: BoneKeeper() for s in SIDES}

    def __call__(self, side: Side, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        keeper = self._keepers[Side(side)]
        keeper.learn(points)
        return keeper.hold(points, triangulate(self._rig.cameras, pixels).covariance)


def bench_stereo(data: Path, console: Console, out: Path, model: str = 'full') -> None:
    """Print what becomes of `hands_stereo` and draw some of it."""
    folder = data / 'hands_stereo'
    videos = {f'cam{i}': folder / f'cam{i}_test.mp4' for i in range(2)}
    plain = load_handpose3d(folder, (720, 720))
    frames = list(footage.read_together(videos))
    table = footage.make_table(
        f'hands_stereo, {model} model',
        'frames with the hand in both views',
        'reprojection px',
        'bone CV, finger ends',
        'all bones',
        'noise of the quietest second mm',
    )
    for words, make in _make_stereo_ways(plain, model).items():
        records = footage.detect_all(make, frames)
        sets = footage.bring_together(plain, records, STEREO_TOLERANCE)
        hands = measures.tell_apart(plain.cameras, sets)
        rig, points = _fit_scale(plain, hands)
        shown = f'{len(hands)} of {len(frames)}'
        for name, solved in _refine(rig, hands, points).items():
            table.add_row(f'{words}, {name}', shown, *_judge_stereo(rig, hands, solved))
        for status, part in _group(_call(rig, sets), hands).items():
            if len(part) > measures.ENOUGH:
                cells = _judge_stereo(rig, [hands[i] for i in part], [points[i] for i in part])
                table.add_row(f'{words}, DLT, called {status.name}', str(len(part)), *cells)
    console.print(table)
    path = out / 'stereo_hands.png'
    draw_hands(rig, frames, hands, points, path)
    console.print(f'hands as seen (thin) and triangulated (thick): {path}')


def _make_stereo_ways(rig: Rig, model: str) -> dict[str, Callable]:
    return {
        'MediaPipe tracking': lambda: LandmarkWorkers(
            lambda n: MediaPipeDetector(n, n, model, Tracking(max_hands=1)), rig.names
        ),
        'guided regions': lambda: GuidedWorkers(
            rig, HandEngine(model), RegionSettings(max_hands=1)
        ),
        f'{LOOKS[-1]} looks': lambda: GuidedWorkers(
            rig, HandEngine(model), RegionSettings(max_hands=1, looks=LOOKS[-1])
        ),
    }


def _fit_scale(rig: Rig, hands: Sequence[measures.Sighted]) -> tuple[Rig, list[np.ndarray]]:
    """Return the rig in metres, and the hands solved in it."""
    raw = [solve_equally(rig.cameras, h.pixels) for h in hands]
    unit = SCALE_BONE / np.nanmedian([np.linalg.norm(p[5] - p[0]) for p in raw])
    return scale_rig(rig, float(unit)), [p * unit for p in raw]


def _refine(rig: Rig, hands: Sequence[measures.Sighted], points: list[np.ndarray]) -> dict:
    """Return the points of each way to refine them."""
    holder, smoothers = _BoneHolder(rig), {s: PointSmoother() for s in SIDES}
    held = [holder(h.side, p, h.pixels) for h, p in zip(hands, points, strict=True)]
    smooth = [smoothers[h.side].push(h.stamp, p) for h, p in zip(hands, held, strict=True)]
    return {'DLT': points, 'bones held': held, 'bones held, smoothed': smooth}


def _judge_stereo(
    rig: Rig, hands: Sequence[measures.Sighted], points: list[np.ndarray]
) -> list[str]:
    error = [
        measures.distances(rig.cameras, h.pixels, p) for h, p in zip(hands, points, strict=True)
    ]
    bones = measures.robust_cv(measure_bones(np.stack(points)))
    return [
        f'{np.nanmedian(np.concatenate(error)):.2f}',
        f'{np.mean(bones[END_BONES]):.1%}',
        f'{np.mean(bones):.1%}',
        f'{1e3 * _find_noise(hands, points):.2f}',
    ]


def _find_noise(
    hands: Sequence[measures.Sighted], points: list[np.ndarray], window: int = 30
) -> float:
    """Return the noise of the quietest second: second differences over sqrt 6 [m]."""
    quiet = []
    for start in range(0, len(points) - window, 10):
        part = slice(start, start + window)
        if np.diff([h.stamp for h in hands[part]]).max() < 40_000_000:
            second = np.diff(np.stack(points[part]), n=2, axis=0)
            quiet.append(np.sqrt(np.nanmean(second**2) / 6))
    return float(min(quiet, default=np.nan))
