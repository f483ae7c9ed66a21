"""Simulate the takes that the report looks at, on all cores, and bring their measures together."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.ceiling import score_ceiling
from pianokpm_training.simulation.make import Job, Order, PlayedJob, play_job
from pianokpm_training.simulation.report.measures import HandMeasures, measure_hand
from pianokpm_training.simulation.results import to_recordings
from pianokpm_training.simulation.sight import load_sight
from pianokpm_training.simulation.take import SimulatedTake
from pianokpm_training.simulation.variants import VARIANTS, correlate
from pianokpm_training.workers import open_pool

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.metrics import TakeScores

FloatArray = NDArray[np.floating]

PEOPLE = 3
"""People whose first takes of each task are looked at."""

SHOWN = 0
"""The person whose takes are drawn."""

CLOSE, STRIDE = 0.016, 10
"""Hands whose landmarks are closer go through each other [m]; every tenth sample (20 Hz) is looked at."""


@dataclass(frozen=True, eq=False)
class JobFindings:
    """What one take gives.

    Attributes:
        job: which.
        hands: measures by side, of hands that play.
        ceiling: scores of a second EMG against the first, by side.
        correlations: (M,) with each variant, by side and variant; only for some takes.
        touching: part of the time in which the hands are closer than `CLOSE`, NaN if one doesn't play.
        take: itself, where it is drawn.
    """

    job: Job
    hands: dict[Side, HandMeasures]
    ceiling: dict[Side, TakeScores]
    correlations: dict[Side, dict[str, FloatArray]]
    touching: float
    take: SimulatedTake | None


@dataclass
class Findings:
    """What all takes give, in the order of the jobs."""

    order: Order
    jobs: list[JobFindings] = field(default_factory=list)

    @property
    def measures(self) -> list[HandMeasures]:
        """Of all hands."""
        return [m for j in self.jobs for m in j.hands.values()]

    def by_task(self) -> dict[str, list[HandMeasures]]:
        """List measures by task."""
        found: dict[str, list[HandMeasures]] = {}
        for j in self.jobs:
            found.setdefault(j.job.task, []).extend(j.hands.values())
        return found

    def takes(self) -> dict[str, SimulatedTake]:
        """Return the takes that are drawn, by task."""
        return {j.job.task: j.take for j in self.jobs if j.take is not None}


def choose_jobs(order: Order) -> list[Job]:
    """List the first takes of each task of the first people."""
    return [j for j in order.jobs if j.trial == 0 and j.person < PEOPLE]


def gather(
    order: Order, workers: int | None = None, report: Callable[[int, int], None] = lambda *_: None
) -> Findings:
    """Simulate and measure; `report` is told how many takes are done, and of how many."""
    jobs, found = choose_jobs(order), {}
    report(0, len(jobs))
    for findings in _run(order, jobs, workers or os.cpu_count() or 1):
        found[findings.job] = findings
        report(len(found), len(jobs))
    return Findings(order, [found[j] for j in jobs])


def _run(order: Order, jobs: list[Job], workers: int) -> Iterator[JobFindings]:
    if workers == 1:
        yield from (examine(order, job) for job in jobs)
        return
    with open_pool(workers) as pool:
        try:
            tasks = [pool.submit(examine, order, job) for job in jobs]
            yield from (t.result() for t in as_completed(tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def examine(order: Order, job: Job) -> JobFindings:
    """Simulate and measure one take; other assumptions are tried for one person a task."""
    played = play_job(order, job)
    take = played.take
    hands = {
        side: measure_hand(hand, take.pianist, played.asked[side])
        for side, hand in take.hands.items()
        if hand.plan.notes
    }
    varied = order.tasks.index(job.task) % min(order.people, PEOPLE) == job.person
    correlations = {
        side: {name: correlate(take.hands[side], take.pianist, name) for name in VARIANTS}
        for side in hands
        if varied
    }
    shown = take if job.person == SHOWN else None
    touching = measure_touch(take) if len(hands) == 2 else np.nan
    return JobFindings(job, hands, _ceiling(played), correlations, touching, shown)


def measure_touch(take: SimulatedTake) -> float:
    """Part of the time in which landmarks of both hands are closer than two half fingers."""
    left, right = (take.hands[s].landmarks[::STRIDE] for s in (Side.LEFT, Side.RIGHT))
    gaps = [np.linalg.norm(a[:, None] - b, axis=2).min() for a, b in zip(left, right, strict=True)]
    return float(np.mean(np.array(gaps) < CLOSE))


def _ceiling(played: PlayedJob) -> dict[Side, TakeScores]:
    recordings = to_recordings(played.take, 60.0, load_sight(), played.info)
    return {r.info.side: score_ceiling(r) for r in recordings if r.info.side == Side.RIGHT}
