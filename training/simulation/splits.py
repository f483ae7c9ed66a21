"""Split a data set as the published work did: within users and tasks, and held-out users and tasks.

Roles are made of whole takes; both hands of a take share theirs.
"""

from collections.abc import Iterable, Sequence

from pianokpm_training.datasets.collection import Entry

Splits = dict[str, dict[str, list[str]]]

UNSEEN_USERS = 0.2
"""Part of the persons that are unseen in the held-out split; at least one if there are two."""

UNSEEN_TASKS = ('arpeggios', 'repeated')
"""Tasks unseen in the held-out split, as long as others remain."""


def make_splits(entries: Iterable[Entry]) -> Splits:
    """Deal recordings to the roles of the splits `within` and `held_out`."""
    entries = sorted(entries, key=lambda e: e.name)
    users, tasks = sorted({e.subject for e in entries}), sorted({e.task for e in entries})
    trials = 1 + max((e.trial for e in entries), default=0)
    unseen = users[len(users) - max(1, round(UNSEEN_USERS * len(users))) :] if users[1:] else []
    hidden = [t for t in UNSEEN_TASKS if t in tasks] if len(tasks) > 3 else []
    within: dict[str, list[str]] = {'train': [], 'validation': [], 'test': []}
    held: dict[str, list[str]] = {
        n: [] for n in ('train', 'validation', 'test_users', 'test_tasks')
    }
    for e in entries:
        role = _role(e, users, tasks, trials)
        within[role].append(e.name)
        if e.subject in unseen and e.task in hidden:
            continue  # both unseen at once answers neither question
        if e.subject in unseen:
            held['test_users'].append(e.name)
        elif e.task in hidden:
            held['test_tasks'].append(e.name)
        else:
            held['validation' if role == 'validation' else 'train'].append(e.name)
    return {'within': within, 'held_out': held}


def _role(entry: Entry, users: Sequence[str], tasks: Sequence[str], trials: int) -> str:
    """Take the last trials for test and validation; with one or two, combinations of user and task in turn."""
    if trials >= 3:
        return {trials - 1: 'test', trials - 2: 'validation'}.get(entry.trial, 'train')
    place = (users.index(entry.subject) + 2 * tasks.index(entry.task)) % 5
    return {0: 'test', 3: 'validation'}.get(place, 'train')
