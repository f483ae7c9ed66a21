"""A whole run without ROS: estimate, compare, draw, sum up."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.rig import save_rig
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.timebase import is_camera_frame
from pianokpm_ros.offline.analysis import Analysis, EstimateSettings, analyse, describe_estimate
from pianokpm_ros.offline.inputs import ORIGIN, Inputs
from pianokpm_ros.offline.render import RenderPlan, find_full_scale, render
from pianokpm_ros.offline.summary import (
    Summary,
    save_summary,
    summarise,
    summarise_error,
    summarise_scores,
    summarise_times,
)
from pianokpm_ros.offline.tracks import BagContent, read_content
from pianokpm_ros.offline.truth import LandmarkError, score_tracks
from pianokpm_ros.recording.layout import RIG
from pianokpm_ros.records import KeyMotion
from pianokpm_ros.view.keyboard_strip import round_range
from pianokpm_ros.view.piano_roll import choose_keys
from pianokpm_ros.view.plots import SimulatedEnvelope, TakeFigure, plot_take

Progress = Callable[[str, int, int | None], None]
"""Is told the stage, how many sets of frames are done, and of how many."""

PICTURES = ('overlay', 'mosaic', 'plot')


@dataclass(frozen=True, eq=False)
class Request:
    """What to do.

    Attributes:
        inputs: what to estimate from.
        settings: how to estimate.
        bundle: model, None = poses only.
        keys: key motion, in order of time.
        keys_name: where it comes from, empty = no keys.
        landmark_error: of a simulated take, None = no truth is known.
        simulated: envelopes of a simulated take.
        pictures: which of `PICTURES` to make.
    """

    inputs: Inputs
    settings: EstimateSettings
    bundle: ModelBundle | None
    keys: Iterable[KeyMotion] = ()
    keys_name: str = ''
    landmark_error: LandmarkError | None = None
    simulated: dict[Side, SimulatedEnvelope] = field(default_factory=dict)
    pictures: tuple[str, ...] = PICTURES


def run_request(request: Request, folder: Path, progress: Progress = lambda *_: None) -> Summary:
    """Do all of it into a folder and return the summary, which is saved there too."""
    start = time.perf_counter()
    inputs = request.inputs
    total = count_frames(inputs)
    found = analyse(
        inputs,
        request.settings,
        request.bundle,
        folder,
        request.keys,
        request.landmark_error,
        lambda done: progress('estimate', done, total),
    )
    if inputs.rig is not None:
        save_rig(inputs.rig, folder / 'bag' / RIG)
    content = read_content(
        folder / 'bag', max(found.samples.values(), default=0), max(found.sets, 1)
    )
    estimated = time.perf_counter()
    draw(request, found, content, folder, lambda done: progress('draw', done, found.sets))
    end = time.perf_counter()
    summary = {
        **describe_request(request),
        **summarise(found),
        **_compare(request, content),
        'time': summarise_times(found, end - start, end - estimated),
        'files': list_files(folder),
    }
    save_summary(summary, folder / 'summary.json')
    return summary


def list_files(folder: Path) -> list[str]:
    """Return all files of a result, with the summary that is still to be written; a bag counts as one."""
    files = {p.relative_to(folder).parts[0] for p in folder.rglob('*') if p.is_file()}
    return sorted(files | {'summary.json'})


def describe_request(request: Request) -> Summary:
    """Say what was estimated from what."""
    inputs = request.inputs
    simulated = request.landmark_error is not None
    return {
        'name': inputs.name,
        'source': 'simulated take' if simulated else 'recorded video',
        'origin_stamp_ns': ORIGIN,
        'videos': {name: path.name for name, path in inputs.videos.items()},
        'calibrated': inputs.rig is not None,
        'keys': request.keys_name or None,
        'keys_placed': inputs.rig is not None and not is_camera_frame(inputs.rig.frame_id),
        'hand_detection': asdict(request.settings.hands),
        'estimate': _describe_estimate(request),
    }


def _describe_estimate(request: Request) -> Summary | None:
    if request.bundle is None:
        return None
    return describe_estimate(request.bundle) | {'lookahead_s': request.settings.lookahead}


def _compare(request: Request, content: BagContent) -> Summary:
    if request.landmark_error is None:
        return {}
    return {
        'landmark_error_against_simulation': summarise_error(request.landmark_error),
        'estimate_against_simulation': summarise_scores(
            score_tracks(content.tracks, request.simulated)
        ),
    }


def count_frames(inputs: Inputs) -> int | None:
    """Return how many frames the longest video has, None where no file tells."""
    with closing(inputs.open_capture()) as capture:
        counts = [s.count for s in capture.sources if s.count]
    return max(counts, default=None)


def draw(
    request: Request,
    found: Analysis,
    content: BagContent,
    folder: Path,
    progress: Callable[[int], None],
) -> None:
    """Make the pictures that are wanted."""
    if 'plot' in request.pictures and content.tracks:
        plot_take(make_figure_content(request, found, content), folder / 'activity.png')
    if not {'overlay', 'mosaic'} & set(request.pictures):
        return
    muscles = request.bundle.muscle if request.bundle else ()
    plan = RenderPlan(
        folder / 'bag',
        folder,
        request.inputs.name,
        found.cameras,
        tuple(content.tracks),
        muscles,
        find_full_scale(content, request.simulated),
        keys=round_range(*choose_keys(content.presses)) if request.keys_name else None,
        simulated=request.simulated,
        overlays='overlay' in request.pictures,
        mosaic='mosaic' in request.pictures,
    )
    with closing(request.inputs.open_capture()) as capture:
        render(plan, capture, progress)


def make_figure_content(request: Request, found: Analysis, content: BagContent) -> TakeFigure:
    """Return what the figure of the run shows."""
    views = len(request.inputs.videos)
    remarks = [f'{views} view{"s" if views > 1 else ""}', f'{found.sets} moments']
    if request.landmark_error is not None:
        remarks.append('simulated video of virtual hands')
    return TakeFigure(
        request.inputs.name,
        ORIGIN,
        content.tracks,
        content.presses,
        request.simulated,
        remarks,
    )
