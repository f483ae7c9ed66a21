"""TCP ports on command lines."""

import argparse


def read_port(text: str) -> int:
    """Read a port, for argparse."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(
            f'expected a port, 1 to 65535 (0 = any that is free), found {text!r}'
        )
    return int(text)
