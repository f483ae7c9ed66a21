"""How late does this machine wake a program that does nothing but wait for the moments of a bag's messages?

The yardstick for replays that run beside it: `bare_timer.py BAG START DURATION`.
"""

import sys
import time

import numpy as np

from pianokpm_ros.replay.selection import Selection, select_messages

SPIN = 200_000


def main() -> None:
    bag, start, duration = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    times = [m.time for m in select_messages(bag, Selection(start=start, duration=duration))]
    begun, late = time.monotonic_ns(), []
    for due in times:
        target = begun + due - times[0]
        while (ahead := target - time.monotonic_ns()) > 0:
            if ahead > SPIN:
                time.sleep((ahead - SPIN / 2) * 1e-9)
        late.append((time.monotonic_ns() - target) * 1e-6)
    print(f'{np.median(late):.3f} {np.percentile(late, 99):.3f}')


if __name__ == '__main__':
    main()
