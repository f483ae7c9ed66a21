"""Colours and words that every picture shares; from Okabe and Ito's set, which colour-blind people can tell apart."""

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.records import EmgOrigin

Rgb = tuple[int, int, int]

SIDE_COLOURS: dict[Side, Rgb] = {
    Side.LEFT: (86, 180, 233),
    Side.RIGHT: (230, 159, 0),
    Side.UNKNOWN: (190, 190, 190),
}
"""Sky blue and orange: light enough to be seen on skin, keys and dark panels alike."""

SIDE_INKS: dict[Side, Rgb] = {
    Side.LEFT: (0, 114, 178),
    Side.RIGHT: (213, 94, 0),
    Side.UNKNOWN: (110, 110, 110),
}
"""The darker relatives of `SIDE_COLOURS`, for paper."""

STATUS_COLOURS: dict[Status, Rgb] = {
    Status.OK: (64, 190, 150),
    Status.DEGRADED: (240, 228, 66),
    Status.STALE: (170, 170, 170),
    Status.INVALID: (213, 94, 0),
}

PANEL: Rgb = (18, 20, 24)
INK: Rgb = (240, 240, 240)
FAINT: Rgb = (165, 168, 175)

SIMULATED_LABEL = 'estimated (model trained on simulated EMG)'
ESTIMATED_LABEL = 'estimated (not a measurement)'
EMG_LABELS = {
    EmgOrigin.MEASURED: 'measured EMG',
    EmgOrigin.SIMULATED: 'simulated EMG, of no person',
    EmgOrigin.SYNTHETIC: 'synthetic EMG, made from an estimate',
}
"""What stands on every picture of a signal of electrodes, or of what takes their place."""

HANDS_LABEL = 'estimated hand landmarks'

FINGER_TINTS = (0.55, 0.3, 0.0, -0.25, -0.45)
"""How much each finger's colour is moved to white (positive) or black (negative), thumb to little finger."""


def label_estimate(simulated_training: bool) -> str:
    """Return the words that stand on every picture of an estimate."""
    return SIMULATED_LABEL if simulated_training else ESTIMATED_LABEL


def mix(colour: Rgb, other: Rgb, part: float) -> Rgb:
    """Move a colour towards another one, by a part from 0 to 1."""
    red, green, blue = (round(c + part * (o - c)) for c, o in zip(colour, other, strict=True))
    return red, green, blue


def tint(colour: Rgb, amount: float) -> Rgb:
    """Move a colour towards white (`amount` up to 1) or black (down to -1)."""
    return mix(colour, (255, 255, 255) if amount > 0 else (0, 0, 0), abs(amount))


def finger_colour(side: Side, finger: int) -> Rgb:
    """Return the colour of finger 0 (thumb) to 4 (little finger) of a hand."""
    return tint(SIDE_COLOURS[side], FINGER_TINTS[finger])


ACTIVITY_RAMP: tuple[tuple[float, Rgb], ...] = (
    (0.0, (74, 88, 110)),
    (0.25, (142, 84, 120)),
    (0.5, (214, 94, 60)),
    (0.75, (243, 156, 18)),
    (1.0, (255, 233, 150)),
)
"""Part of the full scale, and colour: from a quiet slate over amber to a warm white, brighter all the way, so that it
also reads without colour vision."""

UNKNOWN_ACTIVITY: Rgb = (110, 112, 116)


def activity_colour(part: float) -> Rgb:
    """Return the colour of an activity from 0 to 1 of the full scale; grey where it is unknown."""
    if part != part:
        return UNKNOWN_ACTIVITY
    part = min(max(part, 0.0), 1.0)
    above = max(1, next(i for i, (place, _) in enumerate(ACTIVITY_RAMP) if place >= part))
    (low, start), (high, end) = ACTIVITY_RAMP[above - 1 : above + 1]
    return mix(start, end, (part - low) / (high - low))
