"""capture_node films: what it leaves when it is refused, and when it dies."""

import os
import signal

import pytest

from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.processes import GraphProcesses, ProcessError
from pianokpm_ros.recording.video import load_frame_index
from pianokpm_ros.shares import find_asset, find_share


def make_capture(folder, **parameters):
    chosen = {
        'cameras': ['top'],
        'videos': [str(find_asset('takes/demo') / 'top.mp4')],
        'at_end': 'loop',
        'record_videos': str(folder),
    }
    params = str(find_share('config/pianokpm.yaml'))
    return NodeSpec('capture_node', 'capture', chosen | parameters, params, 'film')


def count_frames(folder):
    index = folder / 'top.csv'
    return len(load_frame_index(index)[0]) if index.is_file() else 0


def test_cameras_that_died_film_on_beside_what_they_filmed(tmp_path):
    folder, lines = tmp_path / 'videos', []
    node = make_capture(folder, landmarks=False)
    with GraphProcesses([node], lambda _, line: lines.append(line)) as graph:
        assert graph.wait(lambda: count_frames(folder) > 15, 60.0), lines
        os.kill(graph.states['capture_node'].pid, signal.SIGKILL)
        assert graph.wait(lambda: count_frames(folder / 'part_2') > 15, 60.0), lines
    assert any('goes on in' in line for line in lines)


def test_a_start_that_is_refused_leaves_no_films(tmp_path):
    node = make_capture(tmp_path / 'videos', hand_task='/no/such.task')
    with pytest.raises(ProcessError, match='refuses'), GraphProcesses([node]) as graph:
        graph.wait(lambda: False, 60.0)
    assert not (tmp_path / 'videos').exists()
