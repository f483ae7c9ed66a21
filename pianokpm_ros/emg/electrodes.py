"""Which channels of an amplifier lie on which muscle of which hand, by what they are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from pianokpm_ros.anatomy import MUSCLES, Side


@dataclass(frozen=True)
class Electrodes:
    """The electrodes of one hand.

    Attributes:
        muscle: M names, in the order of `MUSCLES`.
        column: (M,) of the amplifier's channels.
    """

    muscle: tuple[str, ...]
    column: tuple[int, ...]


def choose_channels(
    channels: Sequence[str], sides: Sequence[int]
) -> tuple[dict[Side, Electrodes], str]:
    """Find the muscles of each hand that has any.

    Args:
        channels: C names.
        sides: (C,) `Side` values.

    Returns:
        The electrodes of each hand, and words about the channels that are left out, empty = none.
    """
    chosen: dict[Side, dict[str, int]] = {Side.LEFT: {}, Side.RIGHT: {}}
    left_out = []
    for column, (name, number) in enumerate(zip(channels, sides, strict=True)):
        side = Side(int(number))
        if name in MUSCLES and side in chosen and name not in chosen[side]:
            chosen[side][name] = column
        else:
            left_out.append(f'{name or "without a name"} ({side.label})')
    hands = {}
    for side, own in chosen.items():
        if names := tuple(m for m in MUSCLES if m in own):
            hands[side] = Electrodes(names, tuple(own[m] for m in names))
    words = (
        f'EMG channels left out: {", ".join(left_out)}; shown are those called {", ".join(MUSCLES)} '
        'whose side is left or right, the first of each.'
    )
    return hands, words if left_out else ''
