"""Reports on bags of a known piece: numbers, alignment, where two performances differ, the page in a browser."""

import dataclasses
import json
import re

import numpy as np
import pytest

from pianokpm_ros import cli
from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import MuscleActivity
from pianokpm_ros.report.alignment import AlignmentError, Chord, align, group_chords
from pianokpm_ros.report.comparison import compare
from pianokpm_ros.report.measures import (
    measure_cocontraction,
    measure_fingers,
    measure_loads,
    measure_trends,
)
from pianokpm_ros.report.page import write_page
from pianokpm_ros.report.recording import RATE, ReportError, Signal, load_recording
from test.browser import run_browser
from test.report.makers import ORIGIN, PIECE, Playing, envelope_at, write_bag

RUBATO = [1 + 0.62 * i + 0.05 * (i % 3) for i in range(len(PIECE))]
WRONG = 7
"""The student plays a wrong note here."""

BURST = ('1DI', RUBATO[4] + 0.1, RUBATO[6], 0.15)
LOST = (4.0, 4.4)


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bags')
    chords = list(PIECE)
    chords[WRONG] = (66,)
    write_bag(folder / 'teacher', Playing(lost=(LOST,)))
    write_bag(
        folder / 'student',
        Playing(onsets=RUBATO, chords=chords, bursts=(BURST,), duration=15.0),
        namespace='/studio',
    )
    return folder


@pytest.fixture(scope='module')
def teacher(bags):
    return load_recording(bags / 'teacher')


@pytest.fixture(scope='module')
def student(bags):
    return load_recording(bags / 'student')


def make_signal(value):
    value = np.asarray(value, float)
    unknown = np.full(len(value), np.nan)
    names = MUSCLES[: value.shape[1]]
    return Signal(Side.LEFT, names, value, value * np.nan, unknown, np.zeros(len(value), np.uint8))


def test_reads_what_was_played_and_estimated(teacher):
    assert teacher.origin == ORIGIN and teacher.duration == pytest.approx(12.0, abs=0.02)
    assert len(teacher.presses) == sum(map(len, PIECE))
    times = np.arange(teacher.ticks) / RATE
    for side, signal in teacher.signals.items():
        known = np.isfinite(signal.value).all(axis=1)
        expected = envelope_at(Playing(), times, side)
        # the samples are the maker's, at the same times
        np.testing.assert_allclose(signal.value[known], expected[known], atol=1e-6)
        assert (known == ~((times >= LOST[0]) & (times < LOST[1]))).mean() > 0.995


def test_loads_are_those_of_known_distributions():
    ramp = np.linspace(0, 1, 1001)[:, None] * [1.0, 0.5]
    ramp[::7] = np.nan
    loads = measure_loads(make_signal(ramp))
    assert [a.mean for a in loads] == pytest.approx([0.5, 0.25], abs=0.002)
    assert loads[0].levels == pytest.approx((0.1, 0.5, 0.9), abs=0.002)
    assert measure_fingers(loads) == pytest.approx({'little': 0.5, 'thumb': 0.25}, abs=0.002)
    unknown = measure_loads(make_signal(np.full((10, 1), np.nan)))
    assert np.isnan(unknown[0].mean)


def test_cocontraction_is_zero_for_turns_and_one_for_the_same():
    turns = np.zeros((100, 3))
    turns[:50, 0], turns[50:, 1], turns[:, 2] = 1, 1, 1
    index = measure_cocontraction(make_signal(turns))
    assert index[0, 1] == 0 and index[2, 2] == 1
    assert index[0, 2] == pytest.approx(2 * 50 / 150)


def test_a_trend_is_found_where_there_is_one_and_not_told_of_a_short_take():
    minutes = np.arange(int(180 * RATE)) / RATE / 60
    rng = np.random.default_rng(1)
    value = np.stack([0.1 * (1 + 0.2 * minutes), np.full(len(minutes), 0.1)], 1)
    value += 0.002 * rng.standard_normal(value.shape)
    rising, level = measure_trends(make_signal(value))
    # 20 % a minute of the start is 0.2 / 1.3 of the mean over three minutes
    assert rising.slope == pytest.approx(0.2 / 1.3, rel=0.05) and rising.low > 0
    assert level.low < 0.005 and level.high > -0.005 and abs(level.slope) < 0.005
    assert measure_trends(make_signal(value[: int(50 * RATE)])) == []


def test_chords_are_matched_over_rubato_wrong_missing_and_added_notes():
    first = [Chord(float(i), frozenset(keys)) for i, keys in enumerate(PIECE)]
    second = [Chord(1.5 * c.start + 3, c.keys) for c in first]
    second[5] = Chord(second[5].start, frozenset({99}))
    del second[12]
    second.insert(2, Chord(4.6, frozenset({30})))
    found = align(first, second)
    assert [c.start for c in found.missing] == [5.0, 12.0]
    assert [c.keys for c in found.extra] == [{30}, {99}]
    np.testing.assert_allclose(found.to_second(np.array([0.0, 5.0, 7.25])), [3, 10.5, 13.875])


def test_another_piece_is_refused():
    other = [Chord(i, frozenset({90 + i % 5})) for i in range(20)]
    piece = [Chord(i, frozenset(keys)) for i, keys in enumerate(PIECE)]
    with pytest.raises(AlignmentError, match='only 0 agree'):
        align(piece, other)


def test_tells_where_two_performances_differ_and_nowhere_else(teacher, student):
    comparison = compare(teacher, student)
    assert len(comparison.alignment.missing) == len(comparison.alignment.extra) == 1
    assert comparison.alignment.missing[0].keys == set(PIECE[WRONG])
    assert np.median(comparison.tempo) == pytest.approx(0.67 / 0.5, rel=0.02)
    assert {(r.side, r.muscle) for r in comparison.regions} == {
        (Side.LEFT, '1DI'),
        (Side.RIGHT, '1DI'),
    }
    for region in comparison.regions:
        # from a little after the fifth chord to the seventh: the teacher plays these at 3 and 4 s, and the hand
        # is lost from 4 s on; smoothing blurs edges by its half width
        assert region.start == pytest.approx(3.0 + 0.5 * 0.1 / 0.67, abs=0.08)
        assert region.end == pytest.approx(4.0, abs=0.08)
        assert region.difference == pytest.approx(0.15, abs=0.025)
        assert region.deviation == pytest.approx(0.02 * 2**0.5, rel=1e-3)


def test_no_difference_to_itself_and_uncertain_ones_are_not_told(teacher, student, tmp_path):
    assert compare(teacher, teacher).regions == []
    unsure = load_recording(
        write_bag(tmp_path / 'unsure', Playing(bursts=(('1DI', 3, 4, 0.15),), deviation=0.1))
    )
    # 0.15 is within 2 x sqrt(0.1^2 + 0.02^2)
    assert compare(teacher, unsure).regions == []


def test_what_makes_a_comparison_doubtful_is_said(teacher, student):
    assert 'caveat">They' not in write_page(teacher, student, compare(teacher, student))
    other = dataclasses.replace(
        student, unit='fraction of MVC', model='large@1', label='other <b>'
    )
    page = write_page(teacher, other, compare(teacher, other))
    assert f'teacher {teacher.unit}, student fraction of MVC. What is told' in page
    assert f'teacher by {teacher.model}, student by large@1. What is told' in page
    assert f'teacher: {teacher.label}' in page and 'student: other &lt;b&gt;' in page


def test_a_hand_that_only_one_knows_is_named_instead_of_called_the_same(teacher):
    left, right = (
        dataclasses.replace(teacher, signals={s: teacher.signals[s]})
        for s in (Side.LEFT, Side.RIGHT)
    )
    page = write_page(left, teacher, compare(left, teacher))
    assert 'The right hand is not compared' in page and 'No muscle differs' in page
    page = write_page(left, right, compare(left, right))
    assert 'The left hand is not compared' in page and 'The right hand is not compared' in page
    assert 'No muscle differs' not in page


def test_a_chord_is_one_chord_and_a_repeated_note_two(teacher):
    chords = group_chords(teacher.presses, teacher.origin)
    assert [set(c.keys) for c in chords] == [set(k) for k in PIECE]


def test_refuses_what_holds_no_estimate_or_none_of_a_hand_that_was_known(tmp_path):
    path = tmp_path / 'bag'
    with pytest.raises(ReportError, match='does not exist'):
        load_recording(path)
    write_bag(path, Playing(lost=((0, 99),)))
    with pytest.raises(ReportError, match='in none of its 1200 estimates any muscle is known'):
        load_recording(path)
    with BagWriter(tmp_path / 'keys') as bag:
        for topic, record, time in read_bag(path, {'/keys'}):
            bag.write_record(topic, record, time)
    with pytest.raises(ReportError, match='holds no estimate of any muscle; record while'):
        load_recording(tmp_path / 'keys')


def test_the_page_says_what_the_abbreviations_stand_for(teacher):
    assert 'ADM: abductor digiti minimi (little); APB: abductor' in write_page(teacher)


def test_no_mark_of_the_time_lies_on_the_end_of_its_line(tmp_path):
    bag = write_bag(tmp_path / 'short', Playing(duration=3.1))
    axis = re.search(r'<div class="axis">(.*?)</div>', write_page(load_recording(bag)))[1]
    *marks, end = re.findall(r'left:([\d.]+)%">([\d.]+)', axis)
    assert end == ('100', '3.1') and [m for _, m in marks] == ['0', '0.5', '1', '1.5', '2', '2.5']


def test_the_page_refers_to_nothing_outside_and_escapes_names(teacher, student):
    page = write_page(teacher, student, compare(teacher, student))
    assert not re.search(r'(src|href)\s*=|url\(|@import|http', page)
    assert 'not a measurement' in page and 'estimated (model trained on simulated EMG)' in page
    evil = dataclasses.replace(teacher, name='<script>alert(1)</script>')
    assert '<script' not in write_page(evil, student, compare(evil, student))


def test_the_page_escapes_the_muscles_of_a_bag(bags, tmp_path):
    """Whoever made a bag chose them, and the page is opened in a browser."""
    with BagWriter(tmp_path / 'evil') as bag:
        for topic, record, _ in read_bag(bags / 'teacher'):
            if isinstance(record, MuscleActivity):
                names = tuple(f'<script>{m}' for m in record.muscle)
                record = dataclasses.replace(record, muscle=names)
            bag.write_record(topic, record)
    evil = load_recording(tmp_path / 'evil')
    page = write_page(evil, evil, compare(evil, evil))
    assert '&lt;script&gt;ADM' in page and '<script' not in page


def test_command_writes_once_and_replaces_when_allowed(bags, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ['report', str(bags / 'teacher'), '--compare', str(bags / 'student')]
    assert cli.main(asked) == 0
    assert [p.name for p in tmp_path.iterdir()] == ['teacher_report.html']
    assert cli.main(asked) == 1
    assert 'exists' in capsys.readouterr().err
    assert cli.main([*asked, '--replace']) == 0
    assert cli.main(['report', str(tmp_path / 'no')]) == 1


PROBE = """<script>addEventListener('load', () => {
  const rows = [...document.querySelectorAll('.row')].map(r => r.getBoundingClientRect().height);
  const curves = [...document.querySelectorAll('path.curve')].map(p => p.getBoundingClientRect().width);
  document.title = JSON.stringify({wide: document.documentElement.scrollWidth, view: innerWidth,
    rows: rows.length, lowest: Math.min(...rows), curves: curves.length, widest: Math.max(...curves),
    text: Math.min(...[...document.querySelectorAll('td,p,.name')].map(
      e => parseFloat(getComputedStyle(e).fontSize)))});
});</script>"""


@pytest.mark.parametrize('width', [500, 1200])
def test_a_browser_shows_it_on_narrow_and_wide_screens(teacher, student, tmp_path, width):
    """500 px is the narrowest window that headless Chromium opens."""
    page = write_page(teacher, student, compare(teacher, student))
    file = tmp_path / 'report.html'
    file.write_text(page.replace('</body>', PROBE + '</body>'))
    dom = run_browser(tmp_path / 'p', file.as_uri(), f'--window-size={width},900', '--dump-dom')
    found = json.loads(re.search(r'<title>(.*?)</title>', dom)[1])
    assert found['wide'] <= found['view'] <= width
    # one system: keys, two hands of six muscles and their confidence
    assert found['rows'] == 1 + 2 * 7 and found['lowest'] >= 20
    assert found['curves'] == 12 and found['widest'] > 0.9 * (found['view'] - 40)
    assert found['text'] >= 11


def test_prints_without_cutting_a_system(teacher, tmp_path):
    file = tmp_path / 'report.html'
    file.write_text(write_page(teacher))
    run_browser(
        tmp_path / 'p',
        file.as_uri(),
        f'--print-to-pdf={tmp_path / "r.pdf"}',
        '--no-pdf-header-footer',
    )
    data = (tmp_path / 'r.pdf').read_bytes()
    assert data.startswith(b'%PDF') and 1 <= len(re.findall(rb'/Type\s*/Page\b', data)) <= 4
