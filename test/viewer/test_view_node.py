"""The node: what a real graph publishes comes out of the socket, whatever the browser does."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rclpy.duration import Duration
from std_msgs.msg import String
from websockets.sync.client import connect

from pianokpm_ros.graph import GraphOptions, describe_graph, describe_view_node
from pianokpm_ros.nodes.event_publisher import EventPublisher
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.events import EVENT_TOPIC, SessionEvent
from pianokpm_ros.recording.writer import RecordingError
from test.nodes.observer import Observer
from test.senders import name_stream, start_lsl_senders

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
            assert graph.wait(lambda: any('look at' in line for line in lines), 90), lines
            url = next(line for line in lines if 'look at' in line).split()[-1]
            with connect(url.replace('http', 'ws') + 'live') as browser:
                assert json.loads(browser.recv(timeout=60))['live']
                # what came while it began to listen is caught up with first
                activity = follow(browser, lambda u: is_fresh(u['activity']['right']))
        finally:
            publisher.kill()
            publisher.wait()
    assert None not in activity['values']


def is_fresh(activity):
    """Return an estimate that is good and of now."""
    fresh = activity and activity['status'] == 'OK' and 0 <= activity['delay'] < 1
    return activity if fresh else None


def follow(browser, pick):
    """Receive updates until there is what is picked of one; returns it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        update = json.loads(browser.recv(timeout=60))
        browser.send(json.dumps({'drawn': update['number']}))
        if found := pick(update):
            return found
    raise AssertionError('it never came')


def test_shows_what_an_amplifier_measures(monkeypatch):
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    lines = []
    view = describe_view_node({'port': 0})
    stream = {'stream': name_stream('viewed'), 'scope': 'machine'}
    nodes = [view, replace(view, executable='emg_sensor_node', parameters=stream)]
    with (
        start_lsl_senders(ROOT / 'test/emg_input/sender.py') as start,
        GraphProcesses(nodes, lambda _, line: lines.append(line)) as graph,
    ):
        start('--name', stream['stream'], '--labels', 'ADM', '1DI', 'FDS')
        assert graph.wait(lambda: any('look at' in line for line in lines), 90), lines
        url = next(line for line in lines if 'look at' in line).split()[-1]
        with connect(url.replace('http', 'ws') + 'live') as browser:
            assert json.loads(browser.recv(timeout=60))['live']
            # what came while the nodes were beginning is caught up with first
            emg = follow(browser, lambda u: is_drawn(u['emg']) and u['emg'])
        contract_once()  # while nobody looks
        with connect(url.replace('http', 'ws') + 'live') as browser:
            assert json.loads(browser.recv(timeout=60))['live']
            assert follow(browser, lambda u: u['emg']['hands']['left']['mvc'] == [True, False])
    assert emg['hands'].keys() == {'left'} and emg['hands']['left']['muscles'] == ['ADM', '1DI']
    assert emg['label'] == 'simulated EMG, of no person' and 'left out: FDS (left)' in emg['note']
    assert emg['hands']['left']['mvc'] == [False, False]


def is_drawn(emg):
    """Tell whether an update holds lines of EMG that still comes."""
    return emg and emg['hands']['left']['trace'] and not emg['silent']


def contract_once():
    """Tell of a maximum contraction of ADM, as a guided session does."""
    with EventPublisher() as events:
        # who looks on is not taken for the recorder
        with pytest.raises(RecordingError, match='no recorder_node listens'):
            events.wait_for_recorder(2.0)
    with Observer('session') as session:
        events = session.node.create_publisher(String, EVENT_TOPIC, 10)
        session.wait_for_subscribers(events)  # nodes may take seconds to find each other
        details = {'muscle': 'ADM', 'side': 'left'}
        for action, seconds in (('begin', 1.5), ('end', 0.0)):
            event = SessionEvent(time.time_ns(), action, 'mvc', details)
            events.publish(String(data=event.to_json()))
            time.sleep(seconds)
        assert events.wait_for_all_acked(Duration(seconds=60))


def test_the_graph_has_a_view_when_asked_and_capture_sends_it_pictures():
    videos = ('top=top.mp4',)
    plain = {n.name: n for n in describe_graph(GraphOptions(videos=videos))}
    shown = {n.name: n for n in describe_graph(GraphOptions(videos=videos, view=True))}
    assert set(shown) - set(plain) == {'view_node'}
    assert 'preview_rate' not in plain['capture_node'].parameters
    assert shown['capture_node'].parameters['preview_rate'] > 0
