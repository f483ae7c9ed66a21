"""The page in a real browser: it draws what it is sent, on wide and narrow screens, and complains about nothing."""

import time

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.viewer.hello import describe_view
from pianokpm_ros.viewer.server import ViewServer
from pianokpm_ros.viewer.state import ViewState
from test.browser import find_browser
from test.devtools import Tab
from test.viewer.makers import ORIGIN, load_hands, make_frame
from test.viewer.test_measured import Graph

SHOWN = 'Number(document.documentElement.dataset.drawn) >= 2'
COMPLAINTS = """window.complaints = [];
addEventListener('error', (e) => complaints.push(e.message));
addEventListener('unhandledrejection', (e) => complaints.push(String(e.reason)));
addEventListener('securitypolicyviolation', (e) => complaints.push(e.violatedDirective));
"""
COLOURS = """(() => {
  const canvas = document.querySelector('%s');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join());
  return seen.size;
})()"""


@pytest.fixture(scope='module')
def served():
    """Serve one second of the graph that then stands still."""
    find_browser()
    clock, hands = [ORIGIN], load_hands()
    state = ViewState(lambda: clock[0])
    for number in range(51):
        for message in make_frame(number, hands):
            state.hear(*message)
            clock[0] = message[3]
    with ViewServer(state, describe_view('test <b>', live=True), port=0) as server:
        yield server


@pytest.fixture(scope='module')
def tab(served, tmp_path_factory):
    """Open the page."""
    with Tab(tmp_path_factory.mktemp('browser') / 'profile') as opened:
        opened.call('Page.addScriptToEvaluateOnNewDocument', source=COMPLAINTS)
        opened.open(served.url)
        opened.wait(SHOWN, 120)
        yield opened


def words(tab, selector):
    return tab.ask(f"document.querySelector('{selector}').innerText")


def test_shows_names_numbers_labels_and_status(tab):
    assert words(tab, '#mode') == 'live' and words(tab, '#title') == 'test <b>'
    assert words(tab, '#label') == 'estimated (model trained on simulated EMG)'
    facts = words(tab, '#right .facts').split()
    assert facts[:5] == ['OK', 'confidence', '0.90', 'latency', '30']
    names = tab.ask(
        "[...document.querySelectorAll('#labels span:not([hidden])')].map(s => s.textContent)"
    )
    assert sorted(names) == sorted(2 * ['ADM', 'APB', '1DI', '2DI', '3DI', '4DI'])
    assert tab.ask(COLOURS % '#right .traces') > 20
    assert tab.ask(COLOURS % 'figure canvas') > 5
    assert words(tab, 'figcaption') == 'top'


def test_no_empty_label_and_no_scale_without_an_end_before_the_first_estimate(tab, tmp_path):
    shown = (
        "['label', 'legend'].filter((id) => document.getElementById(id).getClientRects().length)"
    )
    assert tab.ask(shown) == ['label', 'legend']
    silent = ViewState(lambda: ORIGIN)
    with (
        ViewServer(silent, describe_view('silent', live=True), port=0) as server,
        Tab(tmp_path / 'profile') as page,
    ):
        page.open(server.url)
        page.wait("document.querySelector('#mode').innerText === 'live'", 40)
        assert words(page, '#left .facts').split() in ([], ['no', 'estimate', 'yet'])
        assert page.ask(shown) == []


def test_names_stand_at_their_hands_and_go_when_asked(tab):
    def places(names):
        return tab.ask(
            f"""[...document.querySelectorAll('#labels span:not([hidden])')].filter(s =>
            {names}.includes(s.textContent)).map(s => s.getBoundingClientRect().x)"""
        )

    middle = tab.ask("document.querySelector('#stage').clientWidth") / 2
    left, right = sorted(places(['ADM']))
    assert left < middle < right
    tab.ask("document.getElementById('names').click()")
    tab.wait("!document.querySelector('#labels span:not([hidden])')")
    tab.ask("document.getElementById('names').click()")


def test_the_stage_shows_keys_and_hands(tab):
    import cv2

    tab.wait("document.querySelector('#labels span:not([hidden])')")
    picture = cv2.imdecode(np.frombuffer(tab.picture(), np.uint8), cv2.IMREAD_COLOR)
    box = tab.ask(
        "(({x, y, width, height}) => [x, y, width, height])(document.querySelector('#scene')"
        '.getBoundingClientRect())'
    )
    x, y, width, height = (round(v) for v in box)
    stage = picture[y : y + height, x : x + width].astype(int)
    # white keys are bright; nothing else of the dark page is
    assert 0.05 < (stage.min(axis=2) > 170).mean() < 0.6
    # flesh of the right hand is brownish: red well above blue
    assert ((stage[..., 2] - stage[..., 0]) > 30).mean() > 0.01


OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('#labels span:not([hidden])')].map((s) => s.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => a.left < b.right && b.left < a.right
    && a.top < b.bottom && b.top < a.bottom)).length;
})()"""


@pytest.mark.parametrize('size', [(390, 800), (1280, 800)])
def test_no_name_lies_on_another(tab, size):
    tab.resize(*size)
    tab.wait("document.querySelectorAll('#labels span:not([hidden])').length == 12")
    tab.wait(f'({OVERLAPS}) == 0')
    assert tab.ask(OVERLAPS) == 0


@pytest.mark.parametrize('size', [(390, 800), (1280, 800)])
def test_fits_narrow_and_wide_screens(tab, size):
    tab.resize(*size)
    tab.wait(f'document.documentElement.scrollWidth <= innerWidth && innerWidth === {size[0]}')
    tab.wait(
        "[...document.querySelectorAll('.traces')].every(c => c.getBoundingClientRect().height >= 200)"
    )
    tab.wait("document.querySelector('#stage').getBoundingClientRect().height >= 250")


def test_complains_about_nothing(tab):
    assert tab.ask('complaints') == []


def test_without_webgl_all_else_is_shown(served, tmp_path):
    with Tab(tmp_path / 'profile', 1280, 800, True, '--disable-3d-apis') as flat:
        flat.open(served.url)
        flat.wait(SHOWN, 40)
        assert words(flat, '#right .facts').startswith('OK')
        assert 'no WebGL' in words(flat, '#note')
        assert flat.ask(COLOURS % '#right .traces') > 20


@pytest.mark.parametrize('size', [(390, 800), (1280, 800)])
def test_what_electrodes_give_is_told_from_estimates(tmp_path, size):
    graph = Graph()
    graph.state.amplitudes[Side.RIGHT, 'ADM'] = 2e-4
    graph.run(560)
    with (
        ViewServer(graph.state, describe_view('EMG', live=True), port=0) as server,
        Tab(tmp_path / 'profile', *size) as page,
    ):
        page.call('Page.addScriptToEvaluateOnNewDocument', source=COMPLAINTS)
        page.open(server.url)
        page.wait(SHOWN, 120)
        assert words(page, '#right .lines').split('\n') == [
            'estimated',
            'measured EMG (ADM of MVC, others own scale)',
        ]
        assert words(page, '#left .lines').endswith('measured EMG (own scale)')
        told = words(page, '#emg')
        assert 'no score of the model' in told and 'left out: trigger' in told
        title = page.ask("document.querySelector('#right .traces').title")
        assert 'ADM: abductor digiti minimi; EMG of a maximum contraction: 200 µV' in title
        assert 'EMG on its own scale' in title.split('\n')[5] and 'EMG' not in title.split('\n')[1]
        assert page.ask(WHITE % 'right') > page.ask(WHITE % 'left') > 100
        assert page.ask('document.documentElement.scrollWidth') <= size[0]
        assert page.ask('complaints') == []
        graph.run(30, emg=False)
        page.wait("document.querySelector('#right .lines').innerText.includes('silent')", 30)


WHITE = """(() => {
  const canvas = document.querySelector('#%s .traces'), from = Math.round(canvas.width * 0.2);
  const data = canvas.getContext('2d').getImageData(from, 0, canvas.width * 0.4, canvas.height).data;
  let count = 0;
  for (let i = 0; i < data.length; i += 4) count += Math.min(data[i], data[i + 1], data[i + 2]) > 150;
  return count;
})()"""
"""Pixels of dashed lines: amid the curves nothing else is nearly white."""


def test_the_player_shows_the_speed_there_is_and_leaves_the_browsers_own_keys_alone(
    served, tmp_path
):
    told = {'position': 1.0, 'duration': 9.0, 'playing': False, 'rate': 0.25}
    asked = []
    with (
        ViewServer(
            served._state,
            describe_view('bag', live=False),
            port=0,
            player=lambda: told,
            control=asked.append,
        ) as server,
        Tab(tmp_path / 'profile') as page,
    ):
        page.open(server.url)
        page.wait(SHOWN, 120)
        assert page.ask('rate.selectedOptions[0].text') == '¼ ×'
        told['rate'] = 2.0  # by another page
        page.wait("rate.selectedOptions[0].text == '2 ×'", 30)
        press = "dispatchEvent(new KeyboardEvent('keydown', {key: '%s', %s bubbles: true}))"
        for words_of_keys in (('ArrowLeft', 'altKey: true,'), (' ', 'ctrlKey: true,')):
            page.ask(f'document.body.{press % words_of_keys}')
        page.ask(f'document.body.{press % ("ArrowRight", "")}')
        end = time.monotonic() + 30
        while not asked and time.monotonic() < end:
            time.sleep(0.02)
        assert asked == [{'seek': 6.0}]
