"""The topics of the node graph, for bags made without it."""

from functools import singledispatch

from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.records import HandLandmarks, HandPose, KeyMotion, MuscleActivity

KEY_TOPIC = '/keys'
ACTIVITY_TOPICS = tuple(f'/muscle_activity/{side.label}' for side in SIDES)


@singledispatch
def topic_of(record: object) -> str:
    """Return the full name of the topic on which a record travels, without a namespace."""
    raise TypeError(f'asked for the topic of a {type(record).__name__}, which has none')


@topic_of.register
def _(record: HandLandmarks) -> str:
    return f'/{record.camera}/hands'


@topic_of.register
def _(record: HandPose) -> str:
    return f'/hands/{record.side.label}'


@topic_of.register
def _(record: MuscleActivity) -> str:
    return f'/muscle_activity/{record.side.label}'


@topic_of.register
def _(record: KeyMotion) -> str:
    return KEY_TOPIC
