"""Channels are muscles by their names and sides; what is none is named."""

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.electrodes import Electrodes, choose_channels


def test_channels_of_no_muscle_or_no_hand_are_named():
    names = ('1DI', 'ADM', 'ADM', 'FDS', '')
    sides = (Side.LEFT, Side.LEFT, Side.LEFT, Side.RIGHT, Side.UNKNOWN)
    hands, words = choose_channels(names, sides)
    assert hands == {Side.LEFT: Electrodes(('ADM', '1DI'), (1, 0))}
    assert 'ADM (left), FDS (right), without a name (unknown);' in words
    assert choose_channels(('ADM', 'ADM'), (1, 2))[1] == ''
