"""Ask the system to run threads the moment they are due, before ordinary work."""

import logging
import os

logger = logging.getLogger(__name__)

PRIORITY = 1
"""Lowest of the real-time ones: before everything ordinary, after whatever else is in real time."""


def ask_for_real_time(every_thread: bool = False) -> bool:
    """Make the calling thread a real-time one; tells whether the system let it.

    It does for root, with CAP_SYS_NICE, and for users with an `rtprio` limit, as audio programs
    want it in /etc/security/limits.d. Only for threads that sleep most of the time.

    Args:
        every_thread: all that this process has now, those of libraries too.
    """
    if not hasattr(os, 'sched_setscheduler'):
        return False
    # 0 is the calling thread; children shall be ordinary.
    threads = [int(t) for t in os.listdir('/proc/self/task')] if every_thread else [0]
    try:
        for thread in threads:
            policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(thread, policy, os.sched_param(PRIORITY))
    except OSError as error:
        logger.debug('no real-time thread: %s', error.strerror)
        return False
    return True
