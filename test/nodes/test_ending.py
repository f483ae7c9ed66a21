"""How nodes end when they are told to."""

import signal
import subprocess
import time

from diagnostic_msgs.msg import DiagnosticArray

from pianokpm_ros.processes import find_executable

from .observer import Observer


def test_a_node_that_is_told_to_end_over_and_over_ends_well():
    """`ros2 launch` passes on a Ctrl-C that the terminal sends to all of them: the second comes at any moment."""
    arguments = ['--ros-args', '-r', '__ns:=/ending']
    process = subprocess.Popen([find_executable('muscle_estimation_node'), *arguments])
    try:
        with Observer('ending_observer') as observer:
            observer.listen('/diagnostics', DiagnosticArray)
            observer.wait_for_health('ending/muscle_estimation_node', 'no pose yet')
        end = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < end, 'it does not end'
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
