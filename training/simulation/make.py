"""Make a data set of simulated takes: all cores, resumable, the same from the same seed on one machine type.

Every take is a job of its own, seeded by data-set seed, person, task and trial, so that neither order
nor number of processes matters. A finished take is a set of complete recordings; jobs whose
recordings are there are not done again.
"""

import functools
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pianokpm_training.datasets.collection import DataSet, find_recordings, index_data
from pianokpm_training.datasets.folder import MANIFEST, save_recording
from pianokpm_training.simulation.electrodes import ElectrodeSession
from pianokpm_training.simulation.people import Pianist, draw_pianist
from pianokpm_training.simulation.pieces import Piece, finger_piece, load_pieces
from pianokpm_training.simulation.requirements import SimulationError
from pianokpm_training.simulation.results import provenance, to_recordings
from pianokpm_training.simulation.sight import load_sight
from pianokpm_training.simulation.splits import make_splits
from pianokpm_training.simulation.take import SimulatedTake, simulate_take
from pianokpm_training.simulation.tasks import ALL_TASKS, TASKS, play_task
from pianokpm_training.workers import open_pool

from pianokpm_ros.anatomy import Side

log = logging.getLogger(__name__)

ORDER = 'order.json'
SHORTEST = 4.0
"""A take needs some time to lead in and out [s]."""


@dataclass(frozen=True)
class Order:
    """What data set is wanted.

    Attributes:
        seed: of everything.
        people: how many.
        tasks: names.
        seconds: playing time of each person and task, in all trials together [s].
        trials: how many takes that is.
        rate: of the poses [Hz].
        midi: MIDI files to play instead of the pieces that ship with the package.
    """

    seed: int = 1
    people: int = 20
    tasks: tuple[str, ...] = TASKS
    seconds: float = 60.0
    trials: int = 3
    rate: float = 60.0
    midi: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tasks) - set(ALL_TASKS))
        if unknown:
            raise SimulationError(
                f'asked for {", ".join(unknown)}; tasks are {", ".join(ALL_TASKS)}'
            )
        if self.people < 1 or self.trials < 1 or not 5 <= self.rate <= 1000:
            raise SimulationError(
                'people and trials must be at least 1, the rate between 5 and 1000 Hz; '
                f'found {self.people}, {self.trials}, {self.rate:g}'
            )
        if self.seconds / self.trials < SHORTEST:
            raise SimulationError(
                f'{self.seconds:g} s in {self.trials} takes leave {self.seconds / self.trials:.1f} s each; '
                f'a take needs {SHORTEST:g} s: ask for more seconds or fewer trials'
            )

    @property
    def jobs(self) -> list['Job']:
        """Every take, person by person."""
        return [
            Job(person, task, trial)
            for person in range(self.people)
            for task in self.tasks
            for trial in range(self.trials)
        ]


@dataclass(frozen=True)
class Job:
    """One take."""

    person: int
    task: str
    trial: int

    def name(self, side: Side) -> str:
        """Name of a hand's recording."""
        return f's{self.person + 1:02d}_{self.task}_{self.trial}_{side.label}'

    @property
    def seed(self) -> tuple[int, int, int]:
        """What distinguishes this job's random numbers."""
        return self.person, ALL_TASKS.index(self.task), self.trial


@dataclass
class Progress:
    """How far the work is.

    Attributes:
        done: takes finished, with those found at the start.
        total: takes.
        made: seconds of takes simulated now [s].
        stages: processor time by stage, of all processes [s].
        wall: time since the start [s].
    """

    done: int
    total: int
    made: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    wall: float = 0.0


def make_data(
    order: Order,
    folder: Path,
    workers: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> tuple[DataSet, Progress]:
    """Make or finish a data set."""
    folder = Path(folder)
    _claim(order, folder)
    jobs = [j for j in order.jobs if not _is_done(folder, j)]
    progress = Progress(len(order.jobs) - len(jobs), len(order.jobs))
    report(progress)
    start = time.perf_counter()
    for stages, seconds in _run(order, jobs, folder, workers or os.cpu_count() or 1):
        progress.done += 1
        progress.made += seconds
        for stage, value in stages.items():
            progress.stages[stage] = progress.stages.get(stage, 0.0) + value
        progress.wall = time.perf_counter() - start
        report(progress)
    entries = list(find_recordings(folder))
    data = index_data(
        folder,
        make_splits(entries),
        f'{order.people} virtual pianists x {len(order.tasks)} tasks x {order.seconds:g} s',
        provenance(order.seed, order=asdict(order)),
    )
    return data, progress


def read_order(folder: Path) -> Order | None:
    """Read what data set a folder is for, None if it is for none."""
    path = Path(folder) / ORDER
    if not path.is_file():
        return None
    content = json.loads(path.read_text())
    return Order(**{n: tuple(v) if isinstance(v, list) else v for n, v in content.items()})


def _claim(order: Order, folder: Path) -> None:
    """Write down what the folder is for, or check that it is for the same."""
    path, text = folder / ORDER, json.dumps(asdict(order), indent=1) + '\n'
    if path.is_file():
        if json.loads(path.read_text()) != json.loads(text):
            raise SimulationError(
                f'{folder} holds another data set (see {path}); ask for the same to go on with it, '
                'or name another folder'
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise SimulationError(f'{folder} is not empty and no data set; name another folder')
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _folder(folder: Path, job: Job, side: Side) -> Path:
    name = job.name(side)
    return folder / name.split('_')[0] / name


def _is_done(folder: Path, job: Job) -> bool:
    """Whether both hands are there; a left-out one (nothing to play in this take) makes the job run again."""
    return all((_folder(folder, job, s) / MANIFEST).is_file() for s in (Side.LEFT, Side.RIGHT))


def _run(
    order: Order, jobs: Sequence[Job], folder: Path, workers: int
) -> Iterator[tuple[dict[str, float], float]]:
    if not jobs:
        return
    if workers == 1:
        yield from (run_job(order, job, folder) for job in jobs)
        return
    pool = open_pool(workers, finish=True)
    waiting = {pool.submit(run_job, order, job, folder) for job in jobs}
    try:
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (f.result() for f in finished)
    finally:
        # On Ctrl-C the takes being made are finished, the others are left for the next time.
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class PlayedJob:
    """A take as it was simulated.

    Attributes:
        take: what was played.
        asked: notes given to each hand, with those that turned out to be beyond its reach.
        info: for the recordings.
        prepared: processor time before the simulation [s].
    """

    take: SimulatedTake
    asked: dict[Side, int]
    info: dict[str, Any]
    prepared: float


def play_job(order: Order, job: Job) -> PlayedJob:
    """Simulate one take."""
    began = time.process_time()
    pianist, duration = draw_pianist(order.seed, job.person), order.seconds / order.trials
    random = np.random.default_rng([order.seed, *job.seed])
    words, notes = play_task(job.task, pianist.technique, random, duration, _pieces(order.midi))
    sessions = {side: _session(pianist, side) for side in (Side.LEFT, Side.RIGHT)}
    prepared = time.process_time() - began
    take = simulate_take(pianist, notes, duration, [order.seed, *job.seed], sessions)
    info = {
        'subject': pianist.name,
        'task': job.task,
        'trial': job.trial,
        'description': words,
        'provenance': provenance([order.seed, *job.seed], pianist=asdict(pianist)),
    }
    asked = {side: sum(n.side == side for n in notes) for side in take.hands}
    return PlayedJob(take, asked, info, prepared)


def run_job(order: Order, job: Job, folder: Path) -> tuple[dict[str, float], float]:
    """Simulate one take and write its recordings; returns processor time by stage and the take's length [s]."""
    played = play_job(order, job)
    began = time.process_time()
    args = (order.rate, load_sight(), played.info)
    for recording in to_recordings(played.take, *args):
        save_recording(recording, _folder(folder, job, recording.info.side))
    written = time.process_time() - began
    stages = {'notes and electrodes': played.prepared, 'writing': written}
    return played.take.seconds | stages, played.take.duration


@functools.lru_cache(maxsize=4)
def _session(pianist: Pianist, side: Side) -> ElectrodeSession:
    return ElectrodeSession(pianist, int(side))


@functools.lru_cache(maxsize=1)
def _pieces(midi: tuple[str, ...]) -> tuple[Piece, ...]:
    if midi:
        return tuple(finger_piece(Path(m), f'file {Path(m).name}') for m in midi)
    return tuple(load_pieces())
