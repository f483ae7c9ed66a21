import os
import subprocess
import sys
import threading

import pytest

from pianokpm_ros import priority
from pianokpm_ros.priority import ask_for_real_time


def in_thread(ask):
    found = []

    def run():
        found.append((ask(), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(not hasattr(os, 'sched_setscheduler'), reason='needs Linux')
def test_the_thread_alone_is_in_real_time_where_the_system_lets_it():
    granted, policy = in_thread(ask_for_real_time)
    assert policy == (os.SCHED_RR if granted else os.SCHED_OTHER)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_every_thread_of_a_process_can_be_asked_for():
    code = (
        'import os, threading; from pianokpm_ros.priority import ask_for_real_time; done = threading.Event(); '
        'thread = threading.Thread(target=done.wait); thread.start(); '
        'granted = ask_for_real_time(every_thread=True); '
        'print(granted, os.sched_getscheduler(thread.native_id) & ~os.SCHED_RESET_ON_FORK); done.set()'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    granted = done.stdout.split()[0] == 'True'
    assert int(done.stdout.split()[1]) == (os.SCHED_RR if granted else os.SCHED_OTHER), done.stderr


def test_where_it_is_not_allowed_it_goes_on_as_before(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(priority.os, 'sched_setscheduler', refuse, raising=False)
    assert in_thread(ask_for_real_time) == (False, os.SCHED_OTHER)
