"""Tables say what was scored, in the right column and against the right row."""

import csv
import json
from pathlib import Path

import pytest
from pianokpm_training.evaluation.harness import name_models
from pianokpm_training.evaluation.report import CEILING, PUBLISHED, make_tables, write_scores

from pianokpm_ros.anatomy import MUSCLES

NAN = float('nan')
ABOUT = {'main': 0.067, 'unit': 'MVC'}


def row(name, r, rmse, lookahead=None, keys='none', **more):
    """A row of scores whose other numbers are the same everywhere."""
    found = {'role': 'test_users', 'keys': keys, 'lookahead': lookahead, 'name': name}
    found |= {'takes': 12, 'persons': 3}
    numbers = {'r': r, 'pooled_rmse': rmse, 'nrmse': 0.2, 'f1': 0.6, 'lag': -0.015, 'otd': 0.001}
    numbers |= {'rmse': 0.05, 'r_max': 0.9, 'said': 1.0} | more
    for metric, mean in numbers.items():
        by_muscle = {m: mean + i / 100 for i, m in enumerate(MUSCLES)}
        found[metric] = {'mean': mean, 'low': mean - 0.1, 'high': mean + 0.1}
        found[metric]['by_muscle'] = None if metric in ('pooled_rmse', 'otd') else by_muscle
    return found


ROWS = [
    row(CEILING, 0.9, 0.03, f1=0.8),
    row('ours', 0.72, 0.06, 0.067, in_50=0.49, in_80=0.81, in_95=0.96),
    row(PUBLISHED, 0.18, 0.08),
    row('mean per muscle', NAN, 0.09),
]


def cells(lines, name):
    (line,) = [x for x in lines if x.startswith(f'| {name} |')]
    return [c.strip() for c in line.strip('|').split('|')]


def test_each_cell_is_its_score_against_ceiling_and_published_network():
    lines = make_tables(ROWS, ABOUT)
    assert lines[0] == '### persons never seen (`test_users`), pose only'
    assert lines[1] == '3 persons, 12 recordings of one hand.'
    assert cells(lines, 'ours, 67 ms') == [
        'ours, 67 ms', '0.060 (-0.040 to 0.160)', '-25 %', '0.200', '0.720 (0.620 to 0.820)', '0.80',
        '0.600', '0.75', '-15', '0.001', '0.490', '0.810', '0.960',
    ]  # fmt: skip
    published = cells(lines, PUBLISHED)
    assert published[2] == '-' and published[5] == '0.20' and published[-3:] == ['-', '-', '-']
    ceiling = cells(lines, CEILING)
    assert ceiling[2] == '-62 %' and ceiling[5] == ceiling[7] == '-'
    unknown = cells(lines, 'mean per muscle')
    assert unknown[4] == unknown[5] == '-' and unknown[2] == '+12 %'
    by_muscle = cells(lines, 'ours, 67 ms, `test_users`, pose only')
    assert by_muscle[1] == '0.720, 0.050' and by_muscle[6] == '0.770, 0.100'


def test_what_nobody_knows_is_no_number():
    nothing = row(PUBLISHED, NAN, NAN, f1=NAN, nrmse=NAN, lag=NAN, otd=NAN)
    lines = make_tables([row(CEILING, NAN, NAN), ROWS[1], nothing], ABOUT | {'main': 0.0})
    assert 'nan' not in '\n'.join(lines[:8])
    assert cells(lines, 'ours, 67 ms')[2:6:3] == ['-', '-']


def test_a_ceiling_of_nothing_and_many_gaps_are_said_and_end_nothing():
    rows = [
        row(CEILING, 0.9, 0.03, f1=0.0),
        row('ours', 0.72, 0.06, 0.067, said=0.4),
        row(PUBLISHED, 0.1, 0.0),
    ]
    lines = make_tables(rows, ABOUT)
    assert cells(lines, 'ours, 67 ms')[7] == '-' and cells(lines, 'ours, 67 ms')[2] == '-'
    (said,) = [x for x in lines if 'said nothing' in x]
    assert said.startswith('ours, 67 ms: scored on 40 % of the samples')


def test_several_models_are_told_apart_and_have_their_look_aheads():
    names = name_models([Path('a/small'), Path('b/small'), Path('b/large')])
    assert names == ['ours, a/small', 'ours, b/small', 'ours, large']
    rows = [row(name, 0.7, 0.06, lookahead) for name in names for lookahead in (0.067, 0.0)]
    lines = make_tables(rows, ABOUT)
    for name in names:
        assert cells(lines, f'{name}, 67 ms') and cells(lines, f'{name}, 0 ms')
        assert cells(lines, f'{name}, 67 ms, `test_users`, pose only')


def test_files_hold_all_scores_and_json_no_nan(tmp_path):
    write_scores(tmp_path, ROWS, ABOUT)
    content = json.loads((tmp_path / 'scores.json').read_text(), parse_constant=pytest.fail)
    assert content['rows'][3]['r']['mean'] is None and content['rows'][1]['r']['mean'] == 0.72
    table = list(csv.DictReader((tmp_path / 'scores.csv').open()))
    chosen = [
        r for r in table if (r['estimator'], r['metric'], r['muscle']) == ('ours', 'r', '2DI')
    ]
    assert [float(r['mean']) for r in chosen] == [pytest.approx(0.75)]
    assert any(r['metric'] == 'said' and float(r['mean']) == 1.0 for r in table)
    assert {r['lookahead'] for r in table if r['estimator'] == 'ours'} == {'0.067'}
    assert not any(r['metric'] == 'in_80' and r['estimator'] == CEILING for r in table)
