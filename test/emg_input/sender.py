"""An EMG amplifier for tests: a process with a real LSL outlet on this machine.

Sample n of channel c is n + c/10 microvolts, so that each sample tells its own number; its true
time on LSL's clock is start + n / rate. The first line printed is the start on the wall clock [ns].
"""

import argparse
import os
import time

import numpy as np
import pylsl

from test.lsl_clock import look_at_clocks

CHUNK = 0.01


def make_info(a):
    info = pylsl.StreamInfo(a.name, 'EMG', len(a.labels), a.rate, 'float32', a.source_id)
    channels = info.desc().append_child('channels')
    for label in a.labels:
        channel = channels.append_child('channel')
        channel.append_child_value('label', label)
        channel.append_child_value('unit', a.unit)
        channel.append_child_value('type', 'AUX' if label == 'trigger' else 'EMG')
        channel.append_child_value('side', 'left')
    info.desc().append_child_value('origin', a.origin)
    return info


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--name', required=True)
    parser.add_argument('--source-id', default='serial-1')
    parser.add_argument('--rate', type=float, default=2000.0)
    parser.add_argument('--labels', nargs='+', default=['ADM', 'APB', 'trigger'])
    parser.add_argument('--unit', default='microvolts')
    parser.add_argument('--origin', default='simulated')
    parser.add_argument('--gap', type=int, nargs=2, help='first sample not sent, and how many')
    parser.add_argument('--drift', type=float, default=0.0, help='relative error of the true rate')
    a = parser.parse_args()
    pylsl.set_config_content(
        '[multicast]\nResolveScope = machine\n[ports]\nIPv6 = disable\n[log]\nlevel = -3\n'
    )
    outlet = pylsl.StreamOutlet(make_info(a))
    true_rate = a.rate * (1 + a.drift)
    (start, wall), sent = look_at_clocks(), 0
    print(wall, flush=True)
    parent = os.getppid()
    # A stream that outlives its test would be found by those of later runs.
    while os.getppid() == parent:
        due = int((pylsl.local_clock() - start) * true_rate)
        n = np.arange(sent, due)
        if a.gap:
            n = n[(n < a.gap[0]) | (n >= sum(a.gap))]
        if len(n):
            samples = (n[:, None] + np.arange(len(a.labels)) / 10).astype(np.float32)
            outlet.push_chunk(samples, (start + n / true_rate).tolist())
        sent = due
        time.sleep(CHUNK)


if __name__ == '__main__':
    main()
