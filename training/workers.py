"""Processes that work for a command and end with it, also when it is killed."""

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess


def open_pool(workers: int, finish: bool = False) -> ProcessPoolExecutor:
    """Return a pool of fresh processes.

    Args:
        workers: how many.
        finish: after Ctrl-C each ends what it is doing; else it leaves at once, and without a word.
    """
    return ProcessPoolExecutor(workers, _Context(), _begin, (finish,))


class _Process(SpawnProcess):
    """A process that Ctrl-C does not reach while it starts: half way through its imports it would print where."""

    def start(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process


def _begin(finish: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN if finish else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave when nobody is left to work for: the pool itself would go on with what it has."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
