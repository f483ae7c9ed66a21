"""Print whether estimates from real poses beat themselves shuffled in time: docs/real_pairs.md says how and why."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from pianokpm_training.evidence.shuffled_time import LEVEL, SHIFTS, compare, make_session
from pianokpm_training.importing.pairs import import_pairs

DATA = Path(__file__).resolve().parents[2] / 'shared/data/pose_emg'
HONEST = (
    'It shows that poses and EMG of a real recording reach the model on one clock. It says nothing about hand\n'
    'muscles, pianists, or the network that ships: forearm electrodes, one number a finger, one person, no piano.'
)


def main() -> int:
    """Run the test on the folder given, or on the one beside the project."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    if not source.is_dir():
        print(f'no pairs at {source}: name their folder')
        return 2
    with tempfile.TemporaryDirectory() as folder:
        data = import_pairs(source, Path(folder) / 'data').data
        sessions = [make_session(data.load(e)) for e in data.entries.values()]
    outcome = compare(sessions)
    print('tested on         channel      r   shuffled 99 %      p')
    for i, session in enumerate(sessions):
        for c, channel in enumerate(session.channel):
            high = np.quantile(outcome.shuffled[:, i, c], 0.99)
            print(
                f'{session.name:17} {channel:7} {outcome.r[i, c]:6.3f} {high:15.3f} {outcome.channel_p[i, c]:6.4f}'
            )
    low, middle, high = np.quantile(outcome.null, (0.01, 0.5, 0.99))
    print(
        f'mean r {outcome.statistic:.3f}; of {SHIFTS} shuffles: median {middle:.3f}, 1 to 99 % {low:.3f} to '
        f'{high:.3f}, largest {outcome.null.max():.3f}'
    )
    print(
        f'p = {outcome.p:.4f}: {"beats" if outcome.success else "does NOT beat"} shuffled time (p < {LEVEL:g})'
    )
    print(HONEST)
    return 0


if __name__ == '__main__':
    sys.exit(main())
