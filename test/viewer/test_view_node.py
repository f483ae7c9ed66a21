"""The node: what a real graph publishes comes out of the socket, whatever the browser does."""

import json
import subprocess
import sys
import time
from pathlib import Path

from websockets.sync.client import connect

from pianokpm_ros.graph import GraphOptions, describe_graph, describe_view_node
from pianokpm_ros.processes import GraphProcesses

ROOT = Path(__file__).resolve().parents[2]


def test_shows_what_is_published(monkeypatch):
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    lines = []
    node = describe_view_node({'port': 0, 'wait_for_browser': True})
    topic = 'muscle_activity/right'
    command = [sys.executable, '-m', 'test.client.synthetic_publisher', topic]
    with GraphProcesses([node], lambda _, line: lines.append(line)) as graph:
        publisher = subprocess.Popen(command, cwd=ROOT)
        try:
            assert graph.wait(lambda: any('look at' in line for line in lines), 30), lines
            url = next(line for line in lines if 'look at' in line).split()[-1]
            with connect(url.replace('http', 'ws') + 'live') as browser:
                assert json.loads(browser.recv())['live']
                activity = follow(browser)
        finally:
            publisher.kill()
            publisher.wait()
    assert activity['status'] == 'OK' and 0 <= activity['delay'] < 1
    assert None not in activity['values']


def follow(browser):
    """Receive updates until one knows the right hand; returns its estimate."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        update = json.loads(browser.recv(timeout=30))
        browser.send(json.dumps({'drawn': update['number']}))
        if update['activity']['right']:
            return update['activity']['right']
    raise AssertionError('no estimate came')


def test_the_graph_has_a_view_when_asked_and_capture_sends_it_pictures():
    videos = ('top=top.mp4',)
    plain = {n.name: n for n in describe_graph(GraphOptions(videos=videos))}
    shown = {n.name: n for n in describe_graph(GraphOptions(videos=videos, view=True))}
    assert set(shown) - set(plain) == {'view_node'}
    assert 'preview_rate' not in plain['capture_node'].parameters
    assert shown['capture_node'].parameters['preview_rate'] > 0
