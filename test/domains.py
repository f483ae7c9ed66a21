"""ROS domains of this machine, each for one file of tests at a time: nobody hears what others test beside it."""

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator

FIRST, COUNT = 2, 100
"""Up to 101: from 102 on Linux lends the ports of a domain to anybody."""

_turn = itertools.count(os.getpid())


@contextlib.contextmanager
def reserve_domain() -> Iterator[int]:
    """Hold a domain that no other process on this machine holds; each time another one.

    What marks it is a name of Linux's abstract sockets: it reaches as far as the loopback interface does, leaves no
    file, and goes with the process.
    """
    for turn in itertools.islice(_turn, COUNT):
        number = FIRST + turn % COUNT
        with socket.socket(socket.AF_UNIX) as mark:
            try:
                mark.bind(f'\0pianokpm test domain {number}')
            except OSError:
                continue
            yield number
            return
    raise RuntimeError(f'asked for one of {COUNT} ROS domains, found all in use by other tests')
