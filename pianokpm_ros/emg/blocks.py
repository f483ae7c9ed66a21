"""Make EMG blocks of a stream's chunks: units converted, times smoothed, gaps marked.

Letters: N samples, C channels, S channels of the stream.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.emg.stream import StreamDescription
from pianokpm_ros.emg.timeline import Piece, SampleTimeline, TimelineSettings
from pianokpm_ros.records import MILLISECOND, NANOSECONDS, EmgBlock

LONGEST_MARK = 1.0
"""Gaps up to this time appear as NaN rows, longer ones only as a step between the stamps of two blocks [s]."""

APART = 20 * MILLISECOND
"""Blocks further apart than their samples say leave a gap between them [ns]; what is less is jitter."""


@dataclass
class StreamCounts:
    """What happened to a stream so far.

    Attributes:
        samples: received.
        lost: missing between received ones.
        gaps: places where some are missing.
        restarts: times at which the clock stepped back.
        blocks: made.
    """

    samples: int = 0
    lost: int = 0
    gaps: int = 0
    restarts: int = 0
    blocks: int = 0


class BlockMaker:
    """Turn the chunks of one stream into records."""

    def __init__(
        self,
        description: StreamDescription,
        settings: TimelineSettings | None = None,
        sequence: int = 0,
    ) -> None:
        """Set up.

        Args:
            description: of the stream.
            settings: of the timeline.
            sequence: number of the first block.
        """
        self.description = description
        self.timeline = SampleTimeline(description.rate, settings)
        self.counts = StreamCounts()
        self.sequence = sequence
        self._waiting = np.zeros((0, len(description.channel)), np.float64)

    def push(self, times: NDArray[np.int64], samples: NDArray) -> list[EmgBlock]:
        """Take a chunk.

        Args:
            times: (N,) stamps as received, on the clock of the records [ns].
            samples: (N, S) in the stream's units.
        """
        d = self.description
        values = np.asarray(samples, np.float64)[:, d.index] * d.scale
        self._waiting = np.concatenate([self._waiting, values])
        return [self._make(piece) for piece in self.timeline.push(times)]

    def flush(self) -> list[EmgBlock]:
        """Return the samples held back until it is clear whether a gap lies before them."""
        return [self._make(piece) for piece in self.timeline.flush()]

    def _make(self, piece: Piece) -> EmgBlock:
        d = self.description
        values, self._waiting = self._waiting[: piece.count], self._waiting[piece.count :]
        self._count(piece)
        marked = piece.lost if piece.lost <= LONGEST_MARK * d.rate else 0
        gap = np.full((marked, len(d.channel)), np.nan)
        self.sequence += 1
        return EmgBlock(
            piece.stamp - round(marked * NANOSECONDS / d.rate),
            self.sequence - 1,
            d.origin,
            d.rate,
            d.channel,
            d.side,
            d.unit,
            d.processing,
            d.source,
            np.concatenate([gap, values]).astype(np.float32),
        )

    def _count(self, piece: Piece) -> None:
        counts = self.counts
        counts.samples += piece.count
        counts.lost += piece.lost
        counts.gaps += piece.lost > 0
        counts.restarts = self.timeline.restarts
        counts.blocks += 1
