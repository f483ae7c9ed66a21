"""Ask the system to run a thread the moment it is due, before ordinary work."""

import logging
import os

logger = logging.getLogger(__name__)

PRIORITY = 1
"""Lowest of the real-time ones: before everything ordinary, after whatever else is in real time."""


def ask_for_real_time() -> bool:
    """Make the calling thread a real-time one; tells whether the system let it.

    It does for root, with CAP_SYS_NICE, and for users with an `rtprio` limit, as audio programs
    want it in /etc/security/limits.d. Only for threads that sleep most of the time.
    """
    if not hasattr(os, 'sched_setscheduler'):
        return False
    try:
        # 0 is the calling thread; its children shall be ordinary.
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(PRIORITY))
    except OSError as error:
        logger.info('no real-time thread: %s', error.strerror)
        return False
    return True
