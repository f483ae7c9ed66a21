"""Check that commands keep their limits; for the tests of this package and of controllers built on it."""

import math
from collections.abc import Sequence

from pianokpm_ros.client.guard import Command, State
from pianokpm_ros.client.options import ClientOptions

ROUNDING = 1e-9
"""Of sums of doubles around 1; slopes and times are compared to within this."""


def find_breach(options: ClientOptions, run: Sequence[tuple[int, Command]]) -> str:
    """Return what is wrong with a run of commands, empty where all limits are kept.

    Args:
        options: limits.
        run: (steady clock [ns], command), in the order they were asked for.
    """
    before: tuple[int, Command] | None = None
    for now, command in run:
        breach = _check_alone(options, command)
        if not breach and before is not None:
            breach = _check_step(options, before, (now, command))
        if breach:
            return f'at {now} ns: {breach}'
        before = now, command
    return ''


def _check_alone(o: ClientOptions, c: Command) -> str:
    if len(c.value) != len(o.muscles):
        return f'{len(c.value)} values for {len(o.muscles)} muscles'
    if not all(math.isfinite(v) and 0 <= v <= o.ceiling for v in c.value):
        return f'values {c.value} are not within 0 to {o.ceiling:g}'
    if not (0 <= c.share <= 1 and 0 <= c.scale <= 1 and c.silent >= 0):
        return f'share {c.share}, scale {c.scale} or silence {c.silent} out of range'
    if c.state == State.PASSIVE and max(c.value) > 0:
        return f'passive with values {c.value}'
    if c.silent > o.hold + ROUNDING and c.state > State.RAMPING:
        return f'{c.state.name} after {c.silent:g} s without a usable estimate'
    if c.silent >= o.hold + o.ramp and c.share > ROUNDING:
        return f'share {c.share:g} left {c.silent:g} s after the last usable estimate'
    return ''


def _check_step(o: ClientOptions, before: tuple[int, Command], after: tuple[int, Command]) -> str:
    step = min(max(after[0] - before[0], 0) * 1e-9, o.longest_step)
    for old, new in zip(before[1].value, after[1].value, strict=True):
        if new - old > o.rise * step + ROUNDING:
            return f'{old:g} rose to {new:g} in {step:g} s'
        if old - new > o.fastest_fall * step + ROUNDING:
            return f'{old:g} fell to {new:g} in {step:g} s'
    return ''
