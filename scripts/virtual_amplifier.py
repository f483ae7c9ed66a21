"""An EMG amplifier that is not there: an LSL outlet at 2 kHz that sends what simulated muscles do, in real time."""

import threading
import time

import numpy as np

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.outlet import EmgOutlet
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.records import EmgOrigin
from pianokpm_ros.takes import Performance

SECOND = 1_000_000_000
RATE = 2000.0
NAME = 'rehearsal'
REST, HOLD, PAUSE = 2.0, 1.5, 0.5
LEAD = REST + len(MUSCLES) * (HOLD + PAUSE)
"""Rest and a maximum contraction of each muscle [s]."""

AT_REST = 0.01
NOISE = 3e-6
MVC_VOLTS = np.array([300, 350, 900, 500, 450, 400]) * 1e-6
"""Mean rectified amplitude of each muscle's maximum contraction [V]."""

STEP = 0.01
LINGER = 1.0


def contraction(muscle: int) -> float:
    """Return when the maximum contraction of a muscle begins [s]."""
    return REST + muscle * (HOLD + PAUSE)


class VirtualAmplifier(threading.Thread):
    """Rest, a maximum contraction of each muscle, rest, and from `play` on the right hand of a performance.

    Attributes:
        play: stamp of the performance's time 0 [ns]; may be set late, but before it.
        sent: all samples so far, in pieces.
    """

    def __init__(self, performance: Performance, origin: int, play: int | None = None) -> None:
        """Set up; sample 0 is taken at `origin` [ns]."""
        super().__init__(name='amplifier', daemon=True)
        self._performance, self.origin, self.play = performance, origin, play
        self._carrier = EmgSynthesizer(RATE, len(MUSCLES), 7)
        self._noise = np.random.default_rng(0)
        self._stopping = threading.Event()
        self.sent: list[np.ndarray] = []

    def run(self) -> None:
        """Send every sample when it was taken."""
        outlet = EmgOutlet(
            NAME, MUSCLES, RATE, EmgOrigin.SIMULATED, 'virtual', [Side.RIGHT] * len(MUSCLES), scope='machine'
        )  # fmt: skip
        start, sent = self.origin * 1e-9 - _offset(outlet), 0
        while not self._stopping.is_set():
            due = int(max(outlet.clock - start, 0) * RATE)
            if due > sent:
                samples = self._make(np.arange(sent, due) / RATE)
                outlet.push(samples, start + np.arange(sent, due) / RATE)
                self.sent.append(samples)
                sent = due
            time.sleep(STEP)
        time.sleep(LINGER)  # the last samples are on their way

    def _make(self, seconds: np.ndarray) -> np.ndarray:
        envelope = np.full((len(seconds), len(MUSCLES)), AT_REST)
        for m in range(len(MUSCLES)):
            within = (seconds >= contraction(m)) & (seconds < contraction(m) + HOLD)
            envelope[within, m] = 1.0
            if self.play is not None:
                self._perform(envelope, m, seconds * SECOND + (self.origin - self.play))
        raw = self._carrier.push(envelope) * MVC_VOLTS
        return (raw + self._noise.normal(0, NOISE, raw.shape)).astype(np.float32)

    def _perform(self, envelope: np.ndarray, muscle: int, at: np.ndarray) -> None:
        p = self._performance
        playing = (at >= 0) & (at <= p.duration)
        known = p.envelope[Side.RIGHT - 1, :, muscle]
        envelope[playing, muscle] = np.interp(at[playing], p.envelope_stamp, known)

    def stop(self) -> np.ndarray:
        """Stop and return all (N, 6) samples [V]."""
        self._stopping.set()
        self.join(5.0)
        return np.concatenate(self.sent)


def _offset(outlet: EmgOutlet) -> float:
    """Measure the system's clock minus LSL's [s]; of a few tries the quickest counts."""
    tries = []
    for _ in range(20):
        before, now, after = outlet.clock, time.time_ns() * 1e-9, outlet.clock
        tries.append((after - before, now - (before + after) / 2))
    return min(tries)[1]
