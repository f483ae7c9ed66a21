"""What `bench_exoskeleton.py` prints and plots. Letters: T ticks of `STEP`, J joints."""

from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from examples.exoskeleton.assistance import JOINTS, Assistance, AssistanceOptions
from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.client import ClientOptions, Command, Fault, State
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.offline.tracks import known_tracks
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.takes import Take

FloatArray = NDArray[np.floating]

COVER = (4.0, 5.2)
"""When all cameras see nothing [s] of the take."""

SETTLE = 1.5
"""This long after the cover is left out of the comparison with the simulation [s]."""

STEP = 0.005
LONGEST_DELAY = 0.3
ORIGIN = 1.0
"""Stamp of the take's time 0 in results of `pianokpm estimate` [s]."""

SLACK = 0.1
"""On top of the limits, for what comes between: nodes notice silence every 20 ms, and the machine's load [s]."""

INK = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#7a6a00')


@dataclass
class Heard:
    """What was received, each as (steady time [s], value)."""

    clock: list[tuple[float, float]] = field(default_factory=list)
    torque: list[tuple[float, FloatArray]] = field(default_factory=list)
    engaged: list[tuple[float, bool]] = field(default_factory=list)
    motor: list[tuple[float, FloatArray]] = field(default_factory=list)
    estimates: list[tuple[float, tuple[float, float, int]]] = field(default_factory=list)

    def to_take(self, steady: FloatArray) -> FloatArray:
        """Turn steady times into the take's [s]; the replayed clock runs as fast, so one offset does."""
        offset = np.median([clock - then for then, clock in self.clock])
        return np.asarray(steady) + offset - ORIGIN


@dataclass(frozen=True, eq=False)
class Result:
    """What came out.

    Attributes:
        time: (T,) [s] of the take.
        torque: (T, J) commands [N m].
        motor: (T, J) what the motors did [N m].
        truth: (T, J) what the same law commands for the simulation's own activity, undelayed [N m].
        ideal: (T, J) likewise for the whole estimate, made without hurry and without faults [N m].
        engaged: (T,).
        delay: of the motors behind the ideal, by the best correlation [s].
        following: (J + 1,) correlation of motors and ideal there, of each joint and of all.
        estimating: (J + 1,) correlation of ideal and truth: what the model makes of it.
        stated: look-ahead plus measured latency plus the motors' lag [s].
        latency: median from a frame's stamp to its estimate's arrival [s].
        passive: from the cover to letting go [s].
        zero: from the cover to no torque at all [s].
        back: from the end of the cover to holding on again [s].
        steepest: largest change of a command [N m / s], and the largest allowed.
    """

    time: FloatArray
    torque: FloatArray
    motor: FloatArray
    truth: FloatArray
    ideal: FloatArray
    engaged: NDArray[np.bool_]
    delay: float
    following: FloatArray
    estimating: FloatArray
    stated: float
    latency: float
    passive: float
    zero: float
    back: float
    steepest: tuple[float, float]


def measure(heard: Heard, take: Take, bag: Path, side: Side) -> Result:
    """Bring all to one time base and measure."""
    seconds = take.performance.duration * 1e-9
    time = np.arange(0, seconds, STEP)
    torque, motor = (_resample(heard, kind, time) for kind in (heard.torque, heard.motor))
    engaged = _resample(heard, heard.engaged, time)[:, 0] > 0.5
    truth = follow(*read_truth(take, side), time)
    ideal = follow(*read_estimate(bag, side), time)
    delay, following = compare(motor, ideal, time)
    estimating = compare(ideal, truth, time, longest=STEP)[1]
    good = [(t, e) for t, e in heard.estimates if e[2] >= Status.DEGRADED]
    arrival = heard.to_take([t for t, _ in good])
    latency = float(np.median(arrival - [e[0] - ORIGIN for _, e in good]))
    lookahead = float(np.median([e[1] for _, e in good]))
    lag = lookahead + latency + STEP / 2 + 0.012
    return Result(
        time, torque, motor, truth, ideal, engaged, delay, following, estimating, lag, latency,
        *_find_times(time, torque, engaged), _find_slopes(heard),
    )  # fmt: skip


def _resample(heard: Heard, kind: list, time: FloatArray) -> FloatArray:
    """Return the value that held at each tick (T, ...)."""
    stamps = heard.to_take([t for t, _ in kind])
    values = np.array([np.atleast_1d(v) for _, v in kind], float)
    index = np.searchsorted(stamps, time, side='right') - 1
    return values[np.maximum(index, 0)]


def read_truth(take: Take, side: Side) -> tuple[FloatArray, FloatArray]:
    """Return times (N,) [s] and activity (N, M) of the simulation."""
    p = take.performance
    return p.envelope_stamp * 1e-9, p.envelope[SIDES.index(side)]


def read_estimate(bag: Path, side: Side) -> tuple[FloatArray, FloatArray]:
    """Return times (N,) [s] and activity (N, M) of the estimate that was made without hurry."""
    track = known_tracks(r for _, r, _ in read_bag(bag, {f'/muscle_activity/{side.label}'}))[side]
    return track.stamp * 1e-9 - ORIGIN, np.nan_to_num(track.envelope)


def follow(stamps: FloatArray, activity: FloatArray, time: FloatArray) -> FloatArray:
    """Run the example's law on an activity as if it were known at once (T, J)."""
    held = np.stack([np.interp(time, stamps, column) for column in activity.T], 1)
    law = Assistance()
    return np.array(
        [
            law.step(Command(State.ACTIVE, Fault.NONE, tuple(row), 1.0, 1.0, 0.0, 0), STEP)
            for row in np.clip(held, 0, 1)
        ]
    )


def compare(
    late: FloatArray, early: FloatArray, time: FloatArray, longest: float = LONGEST_DELAY
) -> tuple[float, FloatArray]:
    """Return the delay [s] at which all joints together follow best, and the correlations (J + 1,) there."""
    use = (time > SETTLE) & (time < COVER[0] - LONGEST_DELAY) | (time > COVER[1] + SETTLE)
    scores = []
    for shift in range(max(1, round(longest / STEP))):
        moved = np.roll(early, shift, axis=0)[use]
        scores.append(np.corrcoef(late[use].ravel(), moved.ravel())[0, 1])
    best = int(np.argmax(scores))
    moved = np.roll(early, best, axis=0)[use]
    each = [np.corrcoef(late[use][:, j], moved[:, j])[0, 1] for j in range(len(JOINTS))]
    return best * STEP, np.array([*each, scores[best]])


def _find_times(
    time: FloatArray, torque: FloatArray, engaged: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return when it let go and had no torque after the cover began, and held on after it ended [s]."""

    def first(condition: NDArray[np.bool_], after: float) -> float:
        found = time[condition & (time >= after)]
        return float(found[0] - after) if len(found) else float('nan')

    still = (np.abs(torque) < 1e-9).all(axis=1)
    return first(~engaged, COVER[0]), first(still, COVER[0]), first(engaged, COVER[1])


def _find_slopes(heard: Heard) -> tuple[float, float]:
    """Return the steepest change between commands a tick of the example apart, and what the limits allow."""
    o, a = ClientOptions(), AssistanceOptions()
    values = np.array([v for _, v in heard.torque])
    # Two muscles may pull a joint at once; need grows on top, by `learning` at most.
    allowed = a.strongest * (2 * o.fastest_fall + a.learning)
    return float(np.abs(np.diff(values, axis=0)).max() / STEP), allowed


def plot(heard: Heard, result: Result, path: Path) -> None:
    """Draw the joints' torques beside the truth's, and when the example held on."""
    figure, axes = plt.subplots(len(JOINTS), sharex=True, figsize=(11, 9), layout='constrained')
    r = result
    covered = (r.time >= COVER[0]) & (r.time < COVER[1])
    seen = np.where(covered[:, None], np.nan, r.ideal)
    for j, (ax, name) in enumerate(zip(axes, JOINTS, strict=True)):
        ax.plot(r.time, r.truth[:, j], color='0.75', label="same law, the simulation's activity")
        ax.plot(
            r.time,
            seen[:, j],
            color='0.35',
            lw=0.9,
            ls='--',
            label='same law, estimate without delay',
        )
        ax.plot(r.time, r.motor[:, j], color=INK[j], label='assist torque')
        ax.axvspan(*COVER, color='0.9', zorder=0, label='cameras covered')
        shown = np.stack([r.truth[:, j], r.ideal[:, j], r.motor[:, j]])
        low, high = min(shown.min() * 1.1, -0.004), shown.max() * 1.15 + 0.004
        ax.fill_between(
            r.time, low, high, where=~r.engaged, color='#f5c0b0', alpha=0.5, lw=0, zorder=0.5,
            label='passive: lets go',
        )  # fmt: skip
        ax.set_ylim(low, high)
        ax.set_ylabel(f'{name.replace("_", " ")}\n[N m]', fontsize=9)
        ax.spines[['top', 'right']].set_visible(False)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc='outside lower center', ncol=3, frameon=False
    )
    axes[0].set_title(
        'Exoskeleton example in closed loop with the demo take. Everything here is simulated: hands, their muscles, '
        'motors.\nAssist torque from the estimate (model trained on simulated EMG), right hand.',
        fontsize=10, loc='left',
    )  # fmt: skip
    axes[-1].set_xlabel('time of the take [s]')
    figure.savefig(path, dpi=110)
    plt.close(figure)


def show(result: Result, console: Console) -> int:
    """Print the figures beside their limits; 1 where one is broken."""
    r, o = result, ClientOptions()
    table = Table(title='Exoskeleton example, cameras covered for 1.2 s', title_justify='left')
    for name in ('what', 'found', 'limit', 'kept'):
        table.add_column(name)
    node_silence = 0.1 + 0.08  # triangulation notices the silence of hands it no longer sees
    limits = [
        (
            'let go after the cover [ms]',
            1e3 * r.passive,
            1e3 * (o.passive_after + node_silence + SLACK),
        ),
        (
            'no torque after the cover [ms]',
            1e3 * r.zero,
            1e3 * (o.hold + o.ramp + node_silence + SLACK),
        ),
        ('holds on again after the cover [s]', r.back, o.recovery_count * o.period + 0.5 + SLACK),
        ('steepest command [N m / s]', *r.steepest),
    ]
    for name, found, limit in limits:
        table.add_row(name, f'{found:.3g}', f'<= {limit:.3g}', 'yes' if found <= limit else 'NO')
    console.print(table)
    console.print(
        f'Torque follows the estimate {1e3 * r.delay:.0f} ms later; stated: {1e3 * r.stated:.0f} ms (look-ahead, '
        f'{1e3 * r.latency:.0f} ms from landmarks to estimate, control, motors; slope limits come on top).'
    )
    for words, values in (
        ('torque and estimate', r.following),
        ("estimate and simulation, which is the model's part", r.estimating),
    ):
        each = ', '.join(f'{n} {v:.2f}' for n, v in zip((*JOINTS, 'all'), values, strict=True))
        console.print(f'Correlation of {words}: {each}.')
    return int(any(not found <= limit for _, found, limit in limits))
