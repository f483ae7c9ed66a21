"""Processes that work for a command and end with it, also when it is killed."""

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def open_pool(workers: int, finish: bool = False) -> ProcessPoolExecutor:
    """Return a pool of fresh processes.

    Args:
        workers: how many.
        finish: after Ctrl-C each ends what it is doing.
    """
    return ProcessPoolExecutor(workers, get_context('spawn'), _begin, (finish,))


def _begin(finish: bool) -> None:
    if finish:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave when nobody is left to work for: the pool itself would go on with what it has."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
