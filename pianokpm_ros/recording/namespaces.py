"""In which namespaces a bag was recorded, which of its topics are whose, and where they go in another one."""

from collections.abc import Collection, Mapping

GLOBAL = ('/clock', '/diagnostics', '/parameter_events', '/rosout', '/tf', '/tf_static')
"""Topics that are the same in all namespaces."""

LEVELS = {
    'pianokpm/msg/HandLandmarks': 2,
    'pianokpm/msg/HandPose': 2,
    'pianokpm/msg/MuscleActivity': 2,
    'pianokpm/msg/KeyMotion': 1,
    'pianokpm/msg/EmgBlock': 1,
}
"""How many levels the relative name of a topic of each type has, as in `hands/left` and `keys`."""


def _places(topics: Mapping[str, str]) -> dict[str, str]:
    """Return the namespace of each topic of this package's types; empty = none."""
    full = {f'/{topic.lstrip("/")}': kind for topic, kind in topics.items()}
    return {t: t.rsplit('/', LEVELS[kind])[0] for t, kind in full.items() if kind in LEVELS}


def find_namespaces(topics: Mapping[str, str]) -> tuple[str, ...]:
    """Return the namespaces of the topics of this package's types; empty = none.

    Args:
        topics: type of each topic, full names.
    """
    return tuple(sorted(set(_places(topics).values())))


def find_namespace(topics: Mapping[str, str]) -> str:
    """Return the namespace that all topics of this package's types share, such as `/stage`; empty = none, or several.

    Args:
        topics: type of each topic, full names.
    """
    found = find_namespaces(topics)
    return found[0] if len(found) == 1 else ''


def find_rivals(topics: Mapping[str, str]) -> tuple[str, ...]:
    """Return the namespaces of rigs that would be taken for one, as each has a topic of the same name; empty = one rig.

    Keys or EMG in a namespace of their own are no other rig.

    Args:
        topics: type of each topic, full names.
    """
    owners: dict[str, set[str]] = {}
    for topic, place in _places(topics).items():
        owners.setdefault(topic.removeprefix(place), set()).add(place)
    return tuple(sorted(set().union(*(own for own in owners.values() if len(own) > 1))))


def is_of(topic: str, chosen: str, rivals: Collection[str]) -> bool:
    """Tell whether a topic belongs to a namespace, or to none of those that rival it.

    Args:
        topic: full name.
        chosen: namespace; empty = none.
        rivals: those that `find_rivals` gives.
    """
    above = [r for r in (*rivals, chosen) if topic.startswith(f'{r}/')]
    return topic in GLOBAL or max(above, key=len, default=chosen) == chosen


def place_topic(topic: str, recorded: str, chosen: str) -> str:
    """Return the full name under which a recorded topic is replayed.

    Args:
        topic: full name in the bag.
        recorded: namespace of the bag; empty = none.
        chosen: namespace of the replay; empty = as recorded.
    """
    if not chosen or topic in GLOBAL:
        return topic
    inside = recorded and topic.startswith(f'{recorded}/')
    return chosen + (topic.removeprefix(recorded) if inside else topic)
