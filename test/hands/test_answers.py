"""Who has not answered is known, whatever it is that looks for hands."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.hands.answers import Answers
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.turn_workers import TurnWorkers
from pianokpm_ros.records import Frame
from pianokpm_ros.shares import find_asset


def test_only_silence_that_lasts_is_told():
    answers = Answers()
    answers.ask('top')
    answers.ask('left')
    answers.answer('left')
    assert answers.explain_silence() == '' and 'the pictures of top:' in answers.explain_silence(
        0.0
    )
    answers.answer('top')
    answers.answer('top')
    assert answers.explain_silence(0.0) == ''


@pytest.fixture(scope='module')
def rig():
    return load_rig(find_asset('takes/demo') / 'rig.yaml')


@pytest.mark.parametrize('turns', [False, True])
def test_a_view_that_is_stuck_among_views_that_help_each_other_is_named(rig, turns):
    guided = GuidedWorkers(rig, HandEngine('lite'))
    workers = TurnWorkers(guided) if turns else guided
    black = {
        c.name: Frame(1, c.name, 0, np.zeros((c.size[1], c.size[0], 3), np.uint8))
        for c in rig.cameras
    }
    workers.process(black)
    assert workers.answers.explain_silence(0.0) == ''
    name, begun, let = rig.names[0], threading.Event(), threading.Event()
    ordinary = guided.detectors[name].detect

    def wait(*arguments):
        begun.set()
        let.wait(120.0)
        return ordinary(*arguments)

    guided.detectors[name].detect = wait
    later = {n: replace(f, stamp=2) for n, f in black.items()}
    if turns:
        workers.process(later)  # the other half
    thread = threading.Thread(target=workers.process, args=(later,))
    thread.start()
    assert begun.wait(60.0)
    end = time.monotonic() + 60.0
    while f'the pictures of {name}:' not in workers.answers.explain_silence(0.0):
        assert time.monotonic() < end  # the others are still at work
    let.set()
    thread.join()
    assert workers.answers.explain_silence(0.0) == ''
    workers.close()
