"""Processes that die, refuse, or will not stop, played by small scripts in the place of nodes."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from pianokpm_ros import processes
from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.processes import GraphProcesses, NodeProcess, ProcessError, find_executable

SCRIPTS = {
    'good_node': 'trap "echo bye; exit 0" TERM; echo hello; exec 2>/dev/null; while :; do sleep 0.05; done',
    'dying_node': 'echo born; sleep 0.1; exit 7',
    'ending_node': 'echo done; exit 0',
    'refusing_node': 'echo "no such thing" >&2; exit 2',
    'importing_node': f'exec {sys.executable} -uc \'print("importing"); import time; time.sleep(60)\'',
    'stubborn_node': 'trap "" INT TERM; echo deaf; while :; do sleep 0.05; done',
}


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    folder = tmp_path / 'lib' / 'pianokpm'
    folder.mkdir(parents=True)
    for name, text in SCRIPTS.items():
        path = folder / name
        path.write_text(f'#!/bin/bash\n{text}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/no/where{os.pathsep}{tmp_path}')
    monkeypatch.setattr(processes, 'RESPAWN_DELAY', 0.1)


def make(*names, respawn=True):
    lines = []
    specs = [NodeSpec(n, 'capture', {}, '/x.yaml', respawn=respawn) for n in names]
    return GraphProcesses(specs, lambda name, line: lines.append((name, line))), lines


def test_lines_come_with_their_names_and_all_stops_in_order():
    graph, lines = make('good_node', 'ending_node')
    with graph:
        assert graph.wait(lambda: len(lines) >= 2, 20.0)
        assert graph.wait_until_exit('ending_node', 20.0)
        assert graph.states['good_node'].alive
    assert sorted(lines) == [('ending_node', 'done'), ('good_node', 'bye'), ('good_node', 'hello')]
    assert {n: s.returncode for n, s in graph.states.items()} == {'good_node': 0, 'ending_node': 0}


def test_what_dies_is_started_again_with_growing_patience():
    graph, lines = make('dying_node')
    with graph:
        assert graph.wait(lambda: lines.count(('dying_node', 'born')) >= 3, 30.0)
        assert graph.states['dying_node'].restarts >= 2
    assert ('dying_node', 'died (exit code 7); starts again') in lines


def test_an_executable_that_is_away_for_a_moment_is_waited_for():
    graph, lines = make('dying_node')
    path = Path(find_executable('dying_node'))
    with graph:
        assert graph.wait(lambda: bool(lines), 10.0)
        away = path.rename(path.with_name('away'))
        assert graph.wait(lambda: any('tries again' in line for _, line in lines), 10.0)
        away.rename(path)
        assert graph.wait(lambda: graph.states['dying_node'].restarts > 0, 20.0)


def test_what_may_not_be_started_again_stays_dead():
    graph, lines = make('dying_node', respawn=False)
    with graph:
        assert graph.wait(lambda: graph.states['dying_node'].returncode == 7, 20.0)
        assert not graph.wait(lambda: graph.states['dying_node'].restarts > 0, 0.8)
    said = ('dying_node', 'died (exit code 7); is not started again')
    assert lines == [('dying_node', 'born'), said]


def test_what_ended_well_is_not_started_again():
    graph, lines = make('ending_node')
    with graph:
        assert graph.wait_until_exit('ending_node', 20.0)
        assert not graph.wait(lambda: graph.states['ending_node'].restarts > 0, 0.8)
    assert lines == [('ending_node', 'done')]


def test_a_refusal_ends_the_waiting_and_its_reason_was_shown():
    graph, lines = make('good_node', 'refusing_node')
    with pytest.raises(ProcessError, match='refusing_node refuses'), graph:
        graph.wait(lambda: False, 30.0)
    assert ('refusing_node', 'no such thing') in lines
    assert not any(state.alive for state in graph.states.values())


def test_what_does_not_listen_is_killed_in_time(lateness):
    graph, lines = make('stubborn_node', 'good_node')
    with graph:
        assert graph.wait(lambda: len(lines) == 2, 20.0)
        begun = time.monotonic()
        graph.stop(timeout=2.0)
        assert time.monotonic() - begun < lateness.stretch(3.0)
    assert graph.states['stubborn_node'].returncode == -9
    assert graph.states['good_node'].returncode == 0


def test_a_node_that_still_imports_is_stopped_without_a_word():
    graph, lines = make('importing_node')
    with graph:
        assert graph.wait(lambda: bool(lines), 20.0)
    assert lines == [('importing_node', 'importing')]
    assert graph.states['importing_node'].returncode == -signal.SIGTERM


def test_ctrl_c_while_they_are_being_started_leaves_none(monkeypatch):
    graph, _ = make('stubborn_node', 'good_node')
    usual, start = signal.getsignal(signal.SIGINT), NodeProcess.start

    def interrupted(node):
        os.kill(os.getpid(), signal.SIGINT)
        start(node)

    monkeypatch.setattr(NodeProcess, 'start', interrupted)
    with pytest.raises(KeyboardInterrupt), graph:
        pytest.fail('the graph runs')
    assert len(graph.states) == 2 and not any(s.alive for s in graph.states.values())
    assert signal.getsignal(signal.SIGINT) is usual


def test_an_executable_that_is_not_installed_is_named():
    with pytest.raises(ProcessError, match='asked to start no_such_node'):
        make('no_such_node')
    assert find_executable('good_node').endswith('lib/pianokpm/good_node')
