"""How late this machine is: limits of time in tests stretch by that, so that they stay sharp on a calm one."""

import threading
import time

STEP = 0.005
CHAIN = 4
"""Threads that wait for one another between cause and effect, each of which may be so late."""


class Lateness:
    """A thread that asks for short sleeps and notes by how much it overslept; a context.

    Attributes:
        worst: largest delay since it began [s].
    """

    def __init__(self):
        self.worst = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name='lateness')

    def _run(self):
        while not self._stopping.is_set():
            asleep = time.monotonic()
            time.sleep(STEP)
            self.worst = max(self.worst, time.monotonic() - asleep - STEP)

    def stretch(self, seconds):
        """Return a limit [s] as it is fair on this machine at this time."""
        return seconds + CHAIN * self.worst

    def wait(self, condition, seconds):
        """Wait until a condition holds; fail if that takes longer than the limit [s]. Returns how long it took [s]."""
        start = time.monotonic()
        while not condition():
            took = time.monotonic() - start
            assert took <= self.stretch(seconds), (
                f'not within {seconds} s, on a machine that is {self.worst:.3f} s late'
            )
            time.sleep(0.01)
        return time.monotonic() - start

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
