"""What a command hears of a graph beside others."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from pianokpm.msg import HandPose

from pianokpm_ros.nodes.listener import Listener, ListenerThread
from pianokpm_ros.view.live_state import LiveState

from .observer import Observer

TOPIC = 'hands/left'


def say(node, level=DiagnosticStatus.OK):
    return DiagnosticArray(
        status=[DiagnosticStatus(level=level, name=f'{node}: state', message=f'by {node}')]
    )


def test_nodes_of_other_graphs_are_neither_waited_for_nor_complained_about():
    state = LiveState([TOPIC], 1.0)
    nodes = ['triangulation_node', 'muscle_estimation_node']

    def make():
        topics = {TOPIC: 'pianokpm/msg/HandPose'}
        return Listener('panel', topics, nodes, state, namespace='one')

    with ListenerThread(make), Observer('graphs') as graphs:
        health = graphs.node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        poses = graphs.node.create_publisher(HandPose, f'/one/{TOPIC}', 10)
        graphs.wait_for_subscribers(health)
        for node in nodes:
            health.publish(say(f'two/{node}', DiagnosticStatus.ERROR))
        health.publish(say('one/triangulation_node', DiagnosticStatus.ERROR))
        graphs.listen('/diagnostics', DiagnosticArray)
        graphs.wait(lambda _: state.snapshot(0).faults, 20.0, 'the complaint')
        assert state.snapshot(0).faults == {'one/triangulation_node': 'by one/triangulation_node'}
        assert not poses.get_subscription_count()
        health.publish(say('one/muscle_estimation_node'))
        graphs.wait_for_subscribers(poses)
