"""A guided session in a real terminal."""

import contextlib
import os
import pty
import select
import subprocess
import sys
import time

from pianokpm_ros.recording.events import list_trials, read_events

PROTOCOL = """
rest: 0.2
mvc: {seconds: 0.2, repeats: 1}
electrodes: [ADM]
taps: 0
"""
TALK = [
    ('Not all is as it should be', 'c'), ('Pseudonym', 'Anna'), ('Pseudonym', 'p07'), ('as listed', ''),
    ('begin', ''), ('good', ''), ('begin', ''), ('good', 'r'), ('good', ''),
]  # fmt: skip


def talk(command, lines, timeout=180.0):
    """Answer what a command asks in a terminal; returns what it wrote and its exit code."""
    ours, its = pty.openpty()
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    written, place, end = '', 0, time.monotonic() + timeout
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                written += os.read(ours, 65536).decode(errors='replace')
            if lines and lines[0][0] in written[place:]:
                place = len(written)
                os.write(ours, lines.pop(0)[1].encode() + b'\n')
    process.kill() if process.poll() is None and time.monotonic() >= end else process.wait(60)
    os.close(ours)
    return written, process.returncode


def test_a_person_is_guided_and_what_they_do_is_in_the_bag(tmp_path):
    (tmp_path / 'p.yaml').write_text(PROTOCOL)
    command = [sys.executable, '-m', 'pianokpm_ros.cli', 'record', str(tmp_path / 'bag')]
    written, code = talk([*command, '--protocol', str(tmp_path / 'p.yaml')], list(TALK))
    assert code == 0 and 'finished: 2 takes, 1 repeated' in written, written
    assert 'EMG: nothing arrives' in written and 'Traceback' not in written
    about, trials = list_trials(read_events(tmp_path / 'bag'))
    assert about['subject'] == 'p07' and [t.kind for t in trials] == ['rest', 'mvc']
    assert (tmp_path / 'bag' / 'metadata.yaml').is_file()
