"""Colours and words that every picture shares; from Okabe and Ito's set, which colour-blind people can tell apart."""

from pianokpm_ros.anatomy import Side, Status

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
