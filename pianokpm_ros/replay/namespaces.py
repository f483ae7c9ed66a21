"""In which namespace a bag was recorded, and where its topics go when it is replayed in another."""

from collections.abc import Mapping

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


def find_namespace(topics: Mapping[str, str]) -> str:
    """Return the namespace that all topics of this package's types share, such as `/stage`; empty = none, or several.

    Args:
        topics: type of each topic, full names.
    """
    found = {
        topic.rsplit('/', LEVELS[datatype])[0]
        for topic, datatype in topics.items()
        if datatype in LEVELS
    }
    return found.pop() if len(found) == 1 else ''


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
