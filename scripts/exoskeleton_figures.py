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
        engaged: (T,).
        delay: of the motors behind the truth, by the best correlation [s].
        correlation: (J,) there; NaN for joints that hardly work.
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
    engaged: NDArray[np.bool_]
    delay: float
    correlation: FloatArray
    stated: float
    latency: float
    passive: float
    zero: float
    back: float
    steepest: tuple[float, float]


def measure(heard: Heard, take: Take, side: Side) -> Result:
    """Bring all to one time base and measure."""
    seconds = take.performance.duration * 1e-9
    time = np.arange(0, seconds, STEP)
    torque, motor = (_resample(heard, kind, time) for kind in (heard.torque, heard.motor))
    engaged = _resample(heard, heard.engaged, time)[:, 0] > 0.5
    truth = imagine(take, side, time)
    delay, correlation = compare(motor, truth, time)
    good = [(t, e) for t, e in heard.estimates if e[2] >= Status.DEGRADED]
    arrival = heard.to_take([t for t, _ in good])
    latency = float(np.median(arrival - [e[0] - ORIGIN for _, e in good]))
    lookahead = float(np.median([e[1] for _, e in good]))
    lag = lookahead + latency + STEP / 2 + 0.012
    return Result(
        time, torque, motor, truth, engaged, delay, correlation, lag, latency,
        *_find_times(time, torque, engaged), _find_slopes(heard),
    )  # fmt: skip


def _resample(heard: Heard, kind: list, time: FloatArray) -> FloatArray:
    """Return the value that held at each tick (T, ...)."""
    stamps = heard.to_take([t for t, _ in kind])
    values = np.array([np.atleast_1d(v) for _, v in kind], float)
    index = np.searchsorted(stamps, time, side='right') - 1
    return values[np.maximum(index, 0)]


def imagine(take: Take, side: Side, time: FloatArray) -> FloatArray:
    """Run the example's law on the simulation's own activity, as if it were known at once (T, J)."""
    p = take.performance
    stamps, envelope = p.envelope_stamp * 1e-9, p.envelope[SIDES.index(side)]
    activity = np.stack([np.interp(time, stamps, column) for column in envelope.T], 1)
    law = Assistance()
    return np.array(
        [
            law.step(Command(State.ACTIVE, Fault.NONE, tuple(row), 1.0, 1.0, 0.0, 0), STEP)
            for row in np.clip(activity, 0, 1)
        ]
    )


def compare(motor: FloatArray, truth: FloatArray, time: FloatArray) -> tuple[float, FloatArray]:
    """Return the delay [s] at which all joints together follow best, and each joint's correlation (J,) there."""
    out = (time < COVER[0] - LONGEST_DELAY) | (time > COVER[1] + SETTLE)
    use = out & (time > SETTLE) & (time < time[-1] - LONGEST_DELAY)
    scores = []
    for shift in range(int(LONGEST_DELAY / STEP)):
        moved = np.roll(truth, shift, axis=0)[use]
        scores.append(np.corrcoef(motor[use].ravel(), moved.ravel())[0, 1])
    best = int(np.argmax(scores))
    moved = np.roll(truth, best, axis=0)[use]
    each = [np.corrcoef(motor[use][:, j], moved[:, j])[0, 1] for j in range(len(JOINTS))]
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
    for j, (ax, name) in enumerate(zip(axes, JOINTS, strict=True)):
        ax.plot(r.time + r.delay, r.truth[:, j], color='0.6', label='same law, simulated activity')
        ax.plot(r.time, r.motor[:, j], color=INK[j], label='assist torque, from the estimate')
        ax.axvspan(*COVER, color='0.9', zorder=0, label='cameras covered')
        top = max(np.abs(r.truth[:, j]).max(), np.abs(r.motor[:, j]).max(), 0.02) * 1.15
        ax.fill_between(
            r.time, -top, top, where=~r.engaged, color='#f5c0b0', alpha=0.5, lw=0, zorder=0.5,
            label='passive: lets go',
        )  # fmt: skip
        ax.set_ylim(min(-0.1 * top, r.motor[:, j].min() * 1.2), top)
        ax.set_ylabel(f'{name.replace("_", " ")}\n[N m]', fontsize=9)
        ax.spines[['top', 'right']].set_visible(False)
    axes[0].legend(loc='upper right', ncol=4, fontsize=8, frameon=False)
    axes[0].set_title(
        f'Exoskeleton example on the demo take, simulated motors; the grey curve is {1e3 * r.delay:.0f} ms later '
        'than it was\nestimated (model trained on simulated EMG); the truth is the simulation\'s, not a person\'s',
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
    each = ', '.join(f'{n} {v:.2f}' for n, v in zip((*JOINTS, 'all'), r.correlation, strict=True))
    console.print(
        f'Torque follows the simulation {1e3 * r.delay:.0f} ms later; stated: {1e3 * r.stated:.0f} ms (look-ahead, '
        f'{1e3 * r.latency:.0f} ms from landmarks to estimate, control, motors). Correlation there: {each}.'
    )
    return int(any(not found <= limit for _, found, limit in limits))
