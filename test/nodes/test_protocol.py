"""A guided session in a real terminal."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from pianokpm_ros.protocol.streams import SILENT_RECORDER
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
    """Answer what a command asks in a terminal; returns what it wrote and its exit code.

    Answers are texts, or called with the process for one.
    """
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
                answer = lines.pop(0)[1]
                answer = answer(process) if callable(answer) else answer
                os.write(ours, answer.encode() + b'\n')
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


def kill_recorder(process):
    """Kill the only child of `pianokpm record`, and wait until it is missed."""
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    time.sleep(SILENT_RECORDER + 1)
    return ''


def test_a_person_is_told_when_the_recorder_has_died(tmp_path):
    (tmp_path / 'p.yaml').write_text('{rest: 0, mvc: {repeats: 0}, taps: 1}')
    command = [sys.executable, '-m', 'pianokpm_ros.cli', 'record', str(tmp_path / 'bag')]
    answers = [*TALK[:1], TALK[2], TALK[3], ('begin', ''), ('done', kill_recorder), ('good', '')]
    written, code = talk([*command, '--protocol', str(tmp_path / 'p.yaml')], answers)
    assert not answers and code == -signal.SIGKILL % 256, written
    assert 'recorder: records' in written and 'recorder: nothing is heard of it' in written
