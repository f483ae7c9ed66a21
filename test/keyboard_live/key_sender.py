"""Key position sensors for tests: a process with a real LSL outlet on this machine, 500 Hz.

Key k goes down and up as `course(k, t)` says, t in seconds of LSL's clock; its first line is the wall
clock minus LSL's [s].
"""

import argparse
import os
import time

import numpy as np

RATE = 500.0


def course(keys, t):
    """(N, K) positions: each key swings between rest and bottom, at a rate of its own."""
    rates = 0.5 + 0.1 * (np.asarray(keys) % 12)
    return 0.5 - 0.5 * np.cos(2 * np.pi * rates * np.asarray(t)[:, None])


def make_info(keys, unit, travel, name='keybed'):
    import pylsl

    info = pylsl.StreamInfo(name, 'KeyPosition', len(keys), RATE, 'float32', 'serial-7')
    channels = info.desc().append_child('channels')
    for key in keys:
        channel = channels.append_child('channel')
        channel.append_child_value('label', key)
        channel.append_child_value('unit', unit)
        channel.append_child_value('travel', str(travel))
    return info


def main():
    import pylsl

    from test.lsl_clock import look_at_clocks

    parser = argparse.ArgumentParser()
    parser.add_argument('--name', required=True)
    parser.add_argument('--keys', nargs='+', default=['60', '64', '67'])
    parser.add_argument('--travel', type=float, default=9.5)
    a = parser.parse_args()
    pylsl.set_config_content(
        '[multicast]\nResolveScope = machine\n[ports]\nIPv6 = disable\n[log]\nlevel = -3\n'
    )
    outlet = pylsl.StreamOutlet(make_info(a.keys, 'millimeters', a.travel, a.name))
    start, wall = look_at_clocks()
    print(wall * 1e-9 - start, flush=True)
    sent = 0
    numbers = [int(k) if k.isdecimal() else 0 for k in a.keys]
    parent = os.getppid()
    # A stream that outlives its test would be found by those of later runs.
    while os.getppid() == parent:
        due = int((pylsl.local_clock() - start) * RATE)
        if due > sent:
            t = start + np.arange(sent, due) / RATE
            outlet.push_chunk((a.travel * course(numbers, t)).astype(np.float32), t.tolist())
        sent = due
        time.sleep(0.01)


if __name__ == '__main__':
    main()
