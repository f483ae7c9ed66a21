"""Nodes that begin when their listeners are connected, in this process."""

import time

import pytest
import rclpy
from pianokpm.msg import HandPose
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy

from pianokpm_ros.nodes.connections import Connections
from pianokpm_ros.nodes.parameters import ParameterError

TOPIC = 'hands/left'
LISTENERS = ['recorder hands/left', 'estimator hands/left']


@pytest.fixture
def pair():
    """Offer a sender of poses and a maker of listeners."""
    context = Context()
    rclpy.init(args=[], context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes = []

    def make(name):
        nodes.append(rclpy.create_node(name, context=context, namespace='wait'))
        executor.add_node(nodes[-1])
        return nodes[-1]

    def spin(until, seconds=60.0):
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        return until()

    sender = make('sender')
    out = sender.create_publisher(HandPose, TOPIC, 10)
    yield sender, out, make, spin
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_it_begins_when_the_last_one_is_connected_who_then_misses_nothing(pair):
    sender, out, make, spin = pair
    begun, heard = [], []
    Connections(sender, LISTENERS).call_when_complete(
        60.0, lambda: begun.append(out.publish(HandPose()))
    )
    make('estimator').create_subscription(HandPose, TOPIC, lambda _: None, 10)
    assert not spin(lambda: begun, 0.5)
    make('recorder').create_subscription(HandPose, TOPIC, heard.append, 10)
    assert spin(lambda: heard) and len(begun) == len(heard) == 1


def test_a_listener_that_is_announced_but_never_connected_is_missing(pair):
    """As long as it is not connected, nobody else's connection may count for it."""
    sender, _, make, spin = pair
    weak = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    sender.create_publisher(HandPose, 'other', weak)
    waits = Connections(sender, ['recorder other', 'estimator other'])
    make('recorder').create_subscription(HandPose, 'other', lambda _: None, 10)
    make('estimator').create_subscription(HandPose, 'other', lambda _: None, weak)
    assert spin(lambda: sender.count_subscribers('/wait/other') == 2)
    assert not spin(lambda: not waits.find_missing(), 0.5)


def test_it_does_not_wait_for_ever_and_says_for_whom(pair, capfd):
    sender, _, _, spin = pair
    begun = []
    Connections(sender, LISTENERS).call_when_complete(0.2, lambda: begun.append(1))
    assert spin(lambda: begun)
    assert 'recorder /wait/hands/left' in capfd.readouterr().err


def test_where_nobody_is_awaited_it_begins_at_once(pair):
    begun = []
    Connections(pair[0], []).call_when_complete(60.0, lambda: begun.append(1))
    assert begun


@pytest.mark.parametrize('entry', ['recorder', 'recorder hands left', ''])
def test_entries_that_are_no_pair_are_refused(pair, entry):
    with pytest.raises(ParameterError, match='a node and a topic each'):
        Connections(pair[0], [entry])
