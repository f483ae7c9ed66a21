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


def test_a_graph_in_no_namespace_does_not_complain_about_those_in_one():
    state = LiveState([TOPIC], 1.0)

    def make():
        return Listener('panel', {TOPIC: 'pianokpm/msg/HandPose'}, ['capture_node'], state)

    with ListenerThread(make), Observer('graphs') as graphs:
        health = graphs.node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        graphs.wait_for_subscribers(health)
        for node in ('two/capture_node', 'capture_node'):
            health.publish(say(node, DiagnosticStatus.ERROR))
        graphs.wait(lambda _: 'capture_node' in state.snapshot(0).faults, 20.0, 'the complaint')
        assert 'two/capture_node' not in state.snapshot(0).faults
