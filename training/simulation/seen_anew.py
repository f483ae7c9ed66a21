"""See the exact hands of a simulated data set anew, with the vision front end's errors of this version.

What takes long to simulate stays; only the poses change, to what `pianokpm simulate` would write now.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from pianokpm_training.datasets.collection import DataSet, index_data
from pianokpm_training.datasets.folder import load_recording, save_recording
from pianokpm_training.datasets.recording import DataError, PoseTrack, Recording
from pianokpm_training.simulation.sight import SightModel, load_sight, see, state_doubt
from pianokpm_training.workers import open_pool

from pianokpm_ros.anatomy import Side

SIGHT = 7
"""Sets the random numbers of the front end's errors apart from those of the take."""

Report = Callable[[int, int], None]


def see_data_anew(data: DataSet, report: Report, workers: int = 2) -> int:
    """Replace the poses of all recordings and index them again; returns how many there were.

    A run that was interrupted leaves whole recordings, some old and some new, and is to be repeated.
    """
    entries = list(data.entries.values())
    others = [e.name for e in entries if not e.simulated]
    if others:
        raise DataError(
            f'asked to see {data.folder} anew, where {len(others)} recordings are not simulated '
            f'({others[0]}, ...): nobody knows their exact hands; give a simulated data set'
        )
    one = partial(_see_recording, sight=load_sight())
    with open_pool(workers) as pool:
        done = pool.map(one, [data.folder / e.path for e in entries], chunksize=4)
        for count, _ in enumerate(done, 1):
            report(count, len(entries))
    index_data(data.folder, data.splits, data.description, data.provenance)
    return len(entries)


def _see_recording(folder: Path, sight: SightModel) -> None:
    recording = load_recording(folder)
    save_recording(see_anew(recording, sight), folder)


def see_anew(recording: Recording, sight: SightModel) -> Recording:
    """Return a simulated recording as the front end sees it now."""
    info, exact = recording.info, recording.pose_truth
    if exact is None or recording.pose is None or 'seed' not in info.provenance:
        raise DataError(
            f'asked to see {info.name} anew, which lacks its exact hand or the seed it was simulated with'
        )
    return replace(recording, pose=see_exact(exact, sight, info.provenance['seed'], info.side))


def see_exact(exact: PoseTrack, sight: SightModel, seed: Sequence[int], side: Side) -> PoseTrack:
    """Show an exact hand as the vision front end sees it; the seed of a take and the side decide its errors."""
    random = np.random.default_rng([*seed, SIGHT, int(side)])
    seen = see(exact.landmarks.astype(np.float64), exact.rate, sight, random).astype(np.float32)
    doubt = state_doubt(seen, sight, random).astype(np.float32)
    return PoseTrack(exact.stamp, seen, doubt, 'rig', f'simulated sight: {sight.source}')
