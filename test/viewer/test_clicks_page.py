"""The command and its page in a real browser: a user clicks what is asked for and gets the camera of the take."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pianokpm_ros.geometry.calibration.keyboard_frame import load_points
from pianokpm_ros.geometry.rig import load_rig
from test.browser import find_browser
from test.devtools import Tab
from test.viewer.piano_scene import TAKE, TRUTH, find_corner
from test.viewer.test_page import COMPLAINTS

PLACE = """(() => {
  const canvas = document.getElementById('picture'), box = canvas.getBoundingClientRect();
  const scale = Math.min((box.width - 16) / 640, (box.height - 16) / 480);
  return [box.x + (box.width - 640 * scale) / 2, box.y + (box.height - 480 * scale) / 2, scale];
})()"""
BLUE = """(() => {
  const canvas = document.getElementById('picture');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 2] - data[i] > 90) count++;
  return count;
})()"""


@pytest.fixture
def command(tmp_path):
    """Run `pianokpm calibrate --click`; returns what starts it and what it printed last."""
    find_browser()
    started = []

    def start(*words):
        line = ['calibrate', '--click', str(tmp_path / 'points.yaml'), '--port', '0', *words]
        line += ['-o', str(tmp_path / 'rig.yaml')]
        process = subprocess.Popen(
            [sys.executable, '-m', 'pianokpm_ros.cli', *line],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'COLUMNS': '200'},
        )  # fmt: skip
        started.append(process)
        first = process.stdout.readline()
        return process, re.search(r'http://\S+/', first)[0]

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def tab(tmp_path):
    with Tab(tmp_path / 'profile') as opened:
        opened.call('Page.addScriptToEvaluateOnNewDocument', source=COMPLAINTS)
        yield opened


def show(tab, x, y):
    """Return where a pixel of the picture is on the page."""
    left, top, scale = tab.ask(PLACE)
    return left + (x + 0.5) * scale, top + (y + 0.5) * scale


def press(tab, *places):
    """Press the button at the first place, release it at the last one."""
    kinds = ['mousePressed', *['mouseMoved'] * (len(places) - 1), 'mouseReleased']
    for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True):
        tab.call(
            'Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', buttons=1, clickCount=1
        )


def name_what_is_asked(tab, count):
    """Click at what is asked for, or skip what can't be seen."""
    named = 0
    while named < count:
        tab.wait('document.documentElement.dataset.asked', 60)
        corner = tab.ask('document.documentElement.dataset.asked')
        pixel = find_corner(corner)
        if pixel is None:
            tab.ask("document.getElementById('skip').click()")
        else:
            press(tab, show(tab, *pixel))
            named += 1
        tab.wait(f"document.documentElement.dataset.asked !== '{corner}'")


def press_key(tab, key):
    for kind in ('keyDown', 'keyUp'):
        tab.call('Input.dispatchKeyEvent', type=kind, key=key)


def words(tab, name):
    return tab.ask(f"document.getElementById('{name}').innerText")


def test_ten_clicks_make_a_rig(command, tab, tmp_path):
    process, url = command(f'left={TAKE / "left.mp4"}')
    tab.open(url)
    name_what_is_asked(tab, 10)
    tab.wait("document.getElementById('found').className === 'good'", 60)
    assert words(tab, 'count') == '10 of about 20 corners'
    assert float(re.search(r'([\d.]+) px median', words(tab, 'figures'))[1]) < 1.5
    drawn = tab.ask(BLUE)
    tab.ask("document.getElementById('lines').click()")
    tab.wait(f'{drawn} > 2 * ({BLUE}) + 1000')  # the keys as wires
    assert tab.ask('complaints') == []
    tab.ask("document.getElementById('save').click()")
    tab.wait("document.getElementById('outcome').innerText.startsWith('Saved points.yaml')", 60)
    assert process.wait(120) == 0
    said = process.stdout.read()
    assert 'left: points within' in said and 'stands at' in said and 'rig.yaml' in said
    found, true = load_rig(tmp_path / 'rig.yaml').camera('left'), TRUTH.camera('left')
    # Clicks are good to a pixel of the screen, half a pixel of the picture, and the lens bends by 2 px: 4 to 22 mm were
    # seen. A wrong key is 23 mm wide, a wrong octave 164.
    assert np.linalg.norm(found.centre - true.centre) < 0.035


def test_points_are_dragged_nudged_marked_and_removed(command, tab, tmp_path):
    process, url = command(f'left={TAKE / "left.mp4"}')
    tab.open(url)
    name_what_is_asked(tab, 9)
    tab.wait("document.getElementById('found').className === 'good'", 60)
    here, there = find_corner('C4.front_left'), find_corner('C5.front_left')
    far = [there[0] + 15, there[1]]
    press(tab, show(tab, *here), show(tab, *far))
    tab.wait("document.getElementById('found').className === 'bad'", 60)
    odd = "[...document.querySelectorAll('#list .odd span')].map((s) => s.innerText)"
    assert 'C4 front left' in tab.ask(odd)
    press(tab, show(tab, *far), show(tab, *here))
    tab.wait("document.getElementById('found').className === 'good'", 60)
    judged = tab.ask('document.documentElement.dataset.judged')
    for key in 12 * ['ArrowRight'] + 8 * ['ArrowUp']:
        press_key(tab, key)
    tab.wait(f"document.documentElement.dataset.judged !== '{judged}'", 60)
    # Another corner, by the drawing of the keys: Delete removes it again.
    box = tab.ask(
        "(({x, y, width, height}) => [x, y, width, height])(document.getElementById('keys').getBoundingClientRect())"
    )
    press(tab, (box[0] + box[2] / 2, box[1] + box[3] / 2 + 0.38 * box[3]))
    tab.wait("document.documentElement.dataset.asked.includes('front')")
    chosen = tab.ask('document.documentElement.dataset.asked')
    press(tab, show(tab, 300, 300))
    tab.wait("document.getElementById('count').innerText.startsWith('10')")
    press_key(tab, 'Delete')
    tab.wait("document.getElementById('count').innerText.startsWith('9')")
    tab.ask("document.getElementById('save').click()")
    assert process.wait(120) == 0
    saved = load_points(tmp_path / 'points.yaml')['left']
    assert chosen not in saved.names
    place = saved.pixels[saved.names.index('C4.front_left')]
    # The pointer knows whole pixels of the screen.
    np.testing.assert_allclose(place, np.add(here, (3.0, -2.0)), atol=1.0)


def test_a_mouse_over_shows_the_magnifier_and_a_narrow_page_fits(command, tab):
    _, url = command(f'left={TAKE / "left.mp4"}')
    tab.open(url)
    tab.wait('document.documentElement.dataset.asked')
    for width, height in ((390, 800), (1280, 800)):
        tab.resize(width, height)
        tab.wait(f'innerWidth === {width} && document.documentElement.scrollWidth <= {width}')
        tab.wait("document.getElementById('picture').clientHeight > 200")
    tab.wait('(' + BLUE + ') >= 0')
    before = tab.picture()
    x, y = show(tab, *find_corner('C4.front_left'))
    tab.call('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)
    end = time.monotonic() + 60
    while tab.picture() == before:
        assert time.monotonic() < end, 'no magnifier'
    press_key(tab, 'M')  # as Caps Lock makes it
    tab.wait("document.getElementById('glass').getAttribute('aria-pressed') === 'false'")
    assert tab.ask('complaints') == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_writes_nothing(command, tab, tmp_path, number):
    process, url = command(f'left={TAKE / "left.mp4"}')
    tab.open(url)
    name_what_is_asked(tab, 2)
    process.send_signal(number)
    assert process.wait(120) == 130 and 'interrupted' in process.stdout.read()
    assert not list(tmp_path.glob('*.yaml')) and not list(tmp_path.glob('.*.part'))
    tab.wait("document.getElementById('mode').innerText === 'no connection'")
