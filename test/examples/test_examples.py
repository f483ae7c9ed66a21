"""The examples: laws that keep their limits, a glove that goes silent, motors that follow, a node that starts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.exoskeleton.actuator import SimulatedActuators
from examples.exoskeleton.assistance import JOINTS, Assistance, AssistanceOptions
from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.client import Command, Fault, State
from test.examples.lines import wait_for

ROOT = Path(__file__).resolve().parents[2]
STEP = 0.005


def make_command(state=State.ACTIVE, **values):
    value = tuple(values.get(f'm{m}', values.get(m, 0.0)) for m in MUSCLES)
    return Command(state, Fault.NONE, value, 1.0, 1.0, 0.0, 0)


def test_each_joint_is_helped_by_its_own_muscles():
    for muscle, joint, sign in (
        ('APB', 'thumb', 1),
        ('m1DI', 'index', 1),
        ('m2DI', 'middle', 1),
        ('m3DI', 'middle', -1),
        ('m4DI', 'ring', 1),
        ('ADM', 'little', 1),
    ):
        torque = Assistance().step(make_command(**{muscle: 0.2}), STEP)
        expected = np.zeros(len(JOINTS))
        expected[JOINTS.index(f'{joint}_abduction')] = sign
        np.testing.assert_array_equal(np.sign(torque), expected)


def test_help_grows_with_work_is_forgotten_and_never_beyond_the_strongest():
    law, o = Assistance(), AssistanceOptions()
    first = law.step(make_command(m1DI=0.3), STEP)[1]
    for _ in range(400):
        later = law.step(make_command(m1DI=0.3), STEP)[1]
    assert 2 * first < later <= o.strongest * 0.3 + 1e-12
    for _ in range(int(3 * o.forgetting / STEP)):
        law.step(make_command(), STEP)
    assert law.need[1] == pytest.approx(o.least, abs=0.05)
    assert np.abs(law.step(make_command(**dict.fromkeys(MUSCLES, 1.0)), STEP)).max() <= o.strongest


def test_passive_lets_go():
    assert Assistance().step(make_command(State.PASSIVE), STEP) is None


def test_motors_follow_a_torque_and_the_joint_comes_to_rest():
    motors = SimulatedActuators(len(JOINTS))
    wanted = np.array([0.1, 0, 0, 0, -9.0])
    for _ in range(400):
        motors.step(wanted, STEP)
    np.testing.assert_allclose(motors.torque, [0.1, 0, 0, 0, -motors.options.limit], atol=1e-6)
    np.testing.assert_allclose(motors.angle, motors.torque / motors.options.stiffness, atol=1e-4)
    for _ in range(400):
        motors.step(None, STEP)
    np.testing.assert_allclose(motors.angle, 0, atol=1e-4)


def test_the_glove_tells_hard_work_to_the_right_finger_and_nothing_when_passive():
    from examples.haptic_glove.haptic_glove_node import find_intensities

    assert find_intensities(make_command(m1DI=0.05), 0.1, 0.4) == [0] * 5
    assert find_intensities(make_command(m1DI=0.4, m3DI=0.9), 0.1, 0.4) == [0, 255, 255, 0, 0]
    soft, loud = (find_intensities(make_command(ADM=v), 0.1, 0.4)[4] for v in (0.11, 0.3))
    assert 60 <= soft < loud < 255
    assert find_intensities(make_command(State.PASSIVE), 0.1, 0.4) == [0] * 5


def test_the_exoskeleton_follows_a_live_estimate_and_lets_go_without_it(monkeypatch):
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    script = str(ROOT / 'examples' / 'exoskeleton' / 'exoskeleton_node.py')
    module = ['-m', 'test.client.synthetic_publisher', 'muscle_activity/right']
    pipe = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    example = subprocess.Popen([sys.executable, script], cwd=ROOT, **pipe)
    publisher = subprocess.Popen([sys.executable, *module], cwd=ROOT)
    try:
        wait_for(example, 'ACTIVE', 90)
        publisher.kill()
        wait_for(example, 'PASSIVE', 30)
    finally:
        for process in (publisher, example):
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    'file', ['exoskeleton/exoskeleton_node.py', 'haptic_glove/haptic_glove_node.py']
)
def test_a_side_that_is_none_is_refused_rather_than_waited_for(monkeypatch, file):
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    command = [sys.executable, str(ROOT / 'examples' / file), '--ros-args', '-p', 'side:=Right']
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode and "side must be left or right, found 'Right'" in ended.stderr
