"""A real publisher process, killed, stopped, lossy: what the subscriber does and when.

Times are the guard's limits plus what a shared machine adds: `LATE` for a timer that comes late.
"""

import signal

import pytest

pytest.importorskip('rclpy')

from pianokpm_ros.client import Fault, State
from pianokpm_ros.client.conformance import find_breach
from test.client.live import LiveClient, reaction

LATE = 0.05
"""Of a 2 ms timer on two busy cores [s]; more where the machine is seen to be later."""


@pytest.fixture
def live():
    with LiveClient() as client:
        yield client


def end_passive(live: LiveClient, fault: Fault) -> None:
    """Run until nothing is commanded any more for a reason: when it was is told by the commands' own times."""

    def ended() -> bool:
        command = live.run[-1][1]
        return command.state == State.PASSIVE and command.fault == fault

    assert live.spin(40, ended), live.run[-1][1]


def check_times(live: LiveClient, injected: int, lateness) -> None:
    o, late = live.subscriber.guard.options, lateness.stretch(LATE)
    times = reaction(live.run, injected, o)
    assert times['hold'] <= o.hold + late
    assert times['zero'] <= o.hold + o.ramp + late
    assert times['passive'] <= o.passive_after + late
    assert find_breach(o, live.run) == ''


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_knows_in_time_that_a_publisher_is_gone_and_takes_it_back(live, number, lateness):
    live.publish()
    live.reach(State.ACTIVE)
    missed, lost = live.subscriber.link.missed, live.subscriber.link.lost
    injected = live.signal(number)
    end_passive(live, Fault.LIVELINESS)
    check_times(live, injected, lateness)
    assert live.subscriber.link.missed > missed and live.subscriber.link.lost == lost + 1
    if number == signal.SIGSTOP:
        live.signal(signal.SIGCONT)
    else:
        live.publish()
    live.reach(State.ACTIVE)
    assert find_breach(live.subscriber.guard.options, live.run) == ''


def test_estimates_that_say_nothing_end_in_passive(live, lateness):
    live.publish('--fault', 'nan')
    live.reach(State.ACTIVE)
    injected = live.signal(signal.SIGUSR1)
    end_passive(live, Fault.NOT_FINITE)
    check_times(live, injected, lateness)
    # messages still come: no deadline is missed, the guard alone noticed
    assert live.subscriber.link.publishers == 1


def test_a_publisher_that_offers_less_is_named_and_heard_when_less_is_asked(lateness):
    with LiveClient() as strict:
        strict.publish('--plain')
        assert strict.spin(30, lambda: strict.subscriber.link.incompatible > 0)
        assert strict.subscriber.newest is None
    with LiveClient(deadline=None, lease=None) as relaxed:
        relaxed.publish('--plain')
        relaxed.reach(State.ACTIVE)
        injected = relaxed.signal(signal.SIGSTOP)
        end_passive(relaxed, Fault.SILENCE)
        check_times(relaxed, injected, lateness)


def test_commands_go_on_while_simulated_time_stands_still():
    with LiveClient(use_sim_time=True) as client:
        client.publish()
        assert client.spin(30, lambda: client.subscriber.guard.faults[Fault.OLD] > 0)
        count = len(client.run)
        assert client.spin(30, lambda: len(client.run) > count + 10)


def test_a_broken_message_is_refused_not_raised(live):
    from pianokpm.msg import MuscleActivity

    sender = live.node.create_publisher(
        MuscleActivity, live.subscriber.subscription.topic_name, make_profile()
    )
    broken = MuscleActivity(side=1, muscle=['ADM'], activation=[0.1, 0.2], sample_rate=1000.0)
    assert live.spin(
        30,
        lambda: sender.publish(broken) or live.subscriber.guard.faults[Fault.MALFORMED] > 0,
    )


def make_profile():
    from pianokpm_ros.client import subscriber

    return subscriber.make_profile(subscriber.DEADLINE, subscriber.LEASE)
