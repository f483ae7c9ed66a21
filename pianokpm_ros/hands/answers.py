"""Which workers have been asked and have not answered: a thread that is stuck, or died, is known by its silence."""

import threading
import time

PATIENCE = 5.0
"""Longest time that finding hands takes on a machine that is slow and busy [s]."""


class Answers:
    """Note who was asked and who has answered; from any thread."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()

    def ask(self, name: str) -> None:
        """Note that something is asked of a camera's worker; what it was asked before counts."""
        with self._lock:
            self._asked.setdefault(name, time.monotonic())

    def answer(self, name: str) -> None:
        """Note that a camera's worker has answered."""
        with self._lock:
            self._asked.pop(name, None)

    def explain_silence(self, patience: float = PATIENCE) -> str:
        """Say whose workers have not answered for longer than `patience` [s]; empty = none."""
        now = time.monotonic()
        with self._lock:
            silent = {n: now - asked for n, asked in self._asked.items() if now - asked > patience}
        if not silent:
            return ''
        return (
            f'no answer for {max(silent.values()):.0f} s from what looks for hands in the pictures of '
            f'{", ".join(silent)}: it is stuck or has died; start this node again'
        )
