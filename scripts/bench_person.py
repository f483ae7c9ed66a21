"""Print and draw how calibration to a person closes the gap to persons that the model was trained on.

Errors before and after on the last trial of persons that the model has not seen, whose other trials are drawn from;
within-user errors on takes of seen persons kept apart. Unseen are the persons of a data set's role `test_users`, or all
persons of a data set of its own, where `--learned` names the one that the model learned from.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ.setdefault(name, '1')

import numpy as np  # noqa: E402
from pianokpm_training.datasets.collection import DataSet, open_data  # noqa: E402
from pianokpm_training.evidence.person_curve import (  # noqa: E402
    WAYS,
    PersonTakes,
    Row,
    load_people,
    make_rows,
    score,
)

from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle  # noqa: E402
from pianokpm_ros.shares import find_asset  # noqa: E402

HEAD = (
    'calibrated by    part      s    RMSE  95 % of persons   NRMSE      r  in 1 sd  gap closed '
    '(RMSE / NRMSE)  worse  worst  muscle'
)
LABEL = 'simulated persons (MyoHand model): says how the method works, nothing of a real person'


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'data', type=Path, help='data set of unseen persons, with two trials or more of each task'
    )
    parser.add_argument(
        '--learned', type=Path, help='data set that the model learned from (default: the same)'
    )
    parser.add_argument('--model', type=Path, help='model (default: the shipped one)')
    parser.add_argument('--split', default='held_out')
    parser.add_argument('--draws', type=int, default=5, help='of each part (%(default)s)')
    parser.add_argument('--seed', type=int, default=2, help='of the draws (%(default)s)')
    parser.add_argument('--seen', type=int, default=4, help='persons for the within-user error')
    parser.add_argument('--picture', type=Path, help='PNG file to draw the curves to')
    arguments = parser.parse_args()
    bundle, data = (
        load_bundle(arguments.model or find_asset('models/small')),
        open_data(arguments.data),
    )
    learned = open_data(arguments.learned) if arguments.learned else data
    people = _load_unseen(data, learned, bundle, arguments.split)
    seen = _load_seen(learned, bundle, arguments.split, arguments.seen)
    within = [score(p.test)[0] for p in seen]
    rows = make_rows(people, arguments.draws, arguments.seed)
    print(f'{bundle.model_id} on {data.description}: {LABEL if data.simulated else "measured"}')
    print(
        f'unseen persons: {", ".join(p.name for p in people)}; {arguments.draws} draws of each part'
    )
    print(HEAD)
    floor = {
        n: float(np.mean([getattr(s, n) for s in within]))
        for n in ('rmse', 'nrmse', 'r', 'inside')
    }
    for row in rows:
        print(_line(row, rows[0], floor))
    print(
        f'{"seen persons":27}  {floor["rmse"]:.4f} {"":16}  {floor["nrmse"]:.4f}  {floor["r"]:.3f}  '
        f'{100 * floor["inside"]:4.0f} %   ({", ".join(p.name for p in seen)}, not calibrated, other takes)'
    )
    if arguments.picture:
        draw(rows, floor, arguments.picture, f'{bundle.model_id}, {LABEL}')
    return 0


def _load_unseen(
    data: DataSet, learned: DataSet, bundle: ModelBundle, split: str
) -> list[PersonTakes]:
    """Takes of unseen persons, of tasks that were trained on."""
    if learned is data:
        return load_people(data, bundle, split, 'test_users')
    tasks = {e.task for e in learned.role(split, 'train')}
    own = [e.name for e in data.entries.values() if e.task in tasks]
    return load_people(replace(data, splits={'all': {'all': own}}), bundle, 'all', 'all')


def _load_seen(data: DataSet, bundle: ModelBundle, split: str, count: int) -> list[PersonTakes]:
    """Takes of seen persons that were not trained on."""
    names = sorted({e.subject for e in data.role(split, 'validation')})[:count]
    entries = [e.name for e in data.role(split, 'validation') if e.subject in names]
    chosen = replace(data, splits={'seen': {'validation': entries}})
    return load_people(chosen, bundle, 'seen', 'validation')


def _close(row: Row, none: Row, floor: dict[str, float], name: str) -> float:
    """Tell which part of the gap to seen persons is closed, NaN where there is none."""
    room = none.mean(name) - floor[name]
    return (none.mean(name) - row.mean(name)) / room if room > 0 else np.nan


def _line(row: Row, none: Row, floor: dict[str, float]) -> str:
    low, high = row.interval('rmse')
    gaps = [_close(row, none, floor, name) for name in ('rmse', 'nrmse')]
    ratio = row.values('rmse') / none.values('rmse')
    tail = ''
    if row is not none:
        worse = f'{(ratio > 1).sum():2}/{ratio.size:<3} {ratio.max():5.2f}'
        tail = f'{100 * gaps[0]:11.0f} / {100 * gaps[1]:3.0f} %{worse:>23}  {row.values("worst").max():+.3f}'
    return (
        f'{row.way:14} {100 * row.fraction:4.1f} % {row.seconds:5.0f}  {row.mean("rmse"):.4f} {low:.4f} to {high:.4f}  '
        f'{row.mean("nrmse"):.4f}  {row.mean("r"):.3f}  {100 * row.mean("inside"):4.0f} % {tail}'
    )


def draw(rows: list[Row], floor: dict[str, float], path: Path, title: str) -> None:
    """Draw error against seconds of EMG, every person thin, their mean thick."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout='constrained')
    for axis, way in zip(axes, WAYS, strict=True):
        own = [r for r in rows if r.way == way]
        at = [r.seconds for r in own]
        for i, name in enumerate(own[0].scores):
            course = [r.values('rmse')[i].mean() for r in own]
            line = axis.plot(at, course, lw=0.8, alpha=0.7, label=name)[0]
            before = rows[0].values('rmse')[i, 0]
            axis.plot(at[0] / 2, before, 'o', color=line.get_color(), ms=4)
        axis.plot(at, [r.mean('rmse') for r in own], 'k-o', lw=2, label='mean')
        axis.plot(at[0] / 2, rows[0].mean('rmse'), 'ko')
        axis.axhline(floor['rmse'], color='grey', ls='--', lw=1, label='seen persons')
        axis.set(xscale='log', xlabel="seconds of the person's EMG (left: none)", title=way)
        axis.set_xticks([at[0] / 2, *at], ['none', *(f'{s:.0f}' for s in at)], minor=False)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set(ylabel='RMSE on other takes [fraction of MVC]', ylim=(0, None))
    axes[1].legend(fontsize=8, ncols=2)
    figure.suptitle(title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == '__main__':
    sys.exit(main())
