"""Look at what a live graph recorded of a take: rates, delays, losses, error against the simulation, pictures."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.offline.delays import StageDelays
from pianokpm_ros.offline.inputs import ORIGIN, inputs_of_take
from pianokpm_ros.offline.quality import StatusCount
from pianokpm_ros.offline.render import RenderPlan, find_full_scale, render
from pianokpm_ros.offline.summary import summarise_error, summarise_scores
from pianokpm_ros.offline.tracks import BagContent, read_content
from pianokpm_ros.offline.truth import LandmarkError, score_tracks, simulated_envelopes
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import HandPose, MuscleActivity
from pianokpm_ros.takes import Take
from pianokpm_ros.view.keyboard_strip import round_range
from pianokpm_ros.view.live_state import PlaybackClock
from pianokpm_ros.view.piano_roll import choose_keys
from pianokpm_ros.view.plots import TakeFigure, plot_take


@dataclass
class TopicCount:
    """Messages of one topic that were sent during the playback.

    Attributes:
        recorded: in the bag.
        first: lowest sequence number of them, -1 = none.
        last: highest.
        first_sent: [ns].
        last_sent: [ns].
    """

    recorded: int = 0
    first: int = -1
    last: int = -1
    first_sent: int = 0
    last_sent: int = 0

    def add(self, record: Any) -> None:
        """Count a record."""
        if not self.recorded:
            self.first, self.first_sent = record.sequence, record.publish_stamp
        self.recorded += 1
        self.last = max(self.last, record.sequence)
        self.last_sent = max(self.last_sent, record.publish_stamp)

    @property
    def rate(self) -> float:
        """Messages a second, on the clock [Hz]."""
        span = (self.last_sent - self.first_sent) * 1e-9
        return (self.recorded - 1) / span if self.recorded > 1 and span > 0 else float('nan')


@dataclass(eq=False)
class LiveFindings:
    """What a bag of a live run holds.

    Attributes:
        delays: of each stage.
        until: end of what is counted, on the clock [ns].
        error: of the landmarks, against the take.
        topics: counts by topic.
        poses: status of each hand's poses.
        estimates: status of each hand's estimates.
        samples: envelope samples of each hand.
        model_id: of the newest estimate.
    """

    delays: StageDelays
    until: int
    error: LandmarkError
    topics: dict[str, TopicCount] = field(default_factory=dict)
    poses: dict[Side, StatusCount] = field(
        default_factory=lambda: {s: StatusCount() for s in SIDES}
    )
    estimates: dict[Side, StatusCount] = field(
        default_factory=lambda: {s: StatusCount() for s in SIDES}
    )
    samples: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    model_id: str = ''

    def add(self, topic: str, record: Any) -> None:
        """Take a record of the bag."""
        if not hasattr(record, 'publish_stamp'):
            return
        if not self.delays.clock.origin <= record.publish_stamp <= self.until:
            return  # before the first frame, or while the graph was stopped
        self.topics.setdefault(topic, TopicCount()).add(record)
        self.delays.add(record)
        if isinstance(record, HandPose):
            self.poses[Side(record.side)].add(record.status)
            self.error.add(record)
        elif isinstance(record, MuscleActivity):
            self.estimates[Side(record.side)].add(record.status)
            self.samples[Side(record.side)] += len(record.envelope)
            self.model_id = record.model_id


def examine_bag(
    bag: Path,
    take: Take,
    clock: PlaybackClock,
    until: int,
    received: Mapping[tuple[Side, int], int],
) -> LiveFindings:
    """Read a bag of a live run once.

    Args:
        bag: folder.
        take: that was played.
        clock: of the playback.
        until: leave out what was sent later than this on the clock [ns].
        received: when a consumer got the estimate of each hand and stamp [ns].
    """
    found = LiveFindings(
        StageDelays(clock, received), until, LandmarkError(take.performance, clock.origin)
    )
    for topic, record, _ in read_bag(bag):
        found.add(topic, record)
    return found


def count_published(topic: str, count: TopicCount, heard: Mapping[str, int]) -> int:
    """Return how many messages were sent on a topic during the playback.

    Sequences count up by one for every message: those of poses and estimates from 0 with the first
    frame, that of keys from earlier on, so from the first that was recorded. Those of hands are the
    numbers of the frames: there the larger of what was recorded and what was heard is known to have
    been sent.
    """
    if topic.startswith(('/hands/', '/muscle_activity/')):
        return count.last + 1
    if topic.endswith('/hands'):
        return max(count.recorded, heard.get(topic, 0))
    return count.last + 1 - count.first


def summarise_live(
    found: LiveFindings, take: Take, content: BagContent, heard: Mapping[str, int]
) -> dict[str, Any]:
    """Return the findings as plain numbers."""
    simulated = simulated_envelopes(take.performance, found.delays.clock.origin)
    return {
        'topics': {
            topic: {
                'published': count_published(topic, count, heard),
                'recorded': count.recorded,
                'received_here': heard.get(topic, 0),
                'rate_hz': count.rate,
            }
            for topic, count in sorted(found.topics.items())
        },
        'frames_in_take': {name: len(take.performance.stamp) for name in take.videos},
        'delays_ms': {
            stage: {
                'median': 1e3 * float(values.quantile(0.5)[0]),
                'p95': 1e3 * float(values.quantile(0.95)[0]),
                'count': int(values.totals[0]),
            }
            for stage, values in found.delays.stages.items()
        },
        'pose_status': {s.label: c.shares() for s, c in found.poses.items()},
        'estimate_status': {s.label: c.shares() for s, c in found.estimates.items()},
        'landmark_error_against_simulation': summarise_error(found.error),
        'estimate_against_simulation': summarise_scores(score_tracks(content.tracks, simulated)),
    }


def read_tracks(bag: Path, found: LiveFindings) -> BagContent:
    """Read the signals of the bag for plots and scores."""
    estimates = max((c.total for c in found.estimates.values()), default=0)
    return read_content(bag, max(found.samples.values(), default=0), max(estimates, 1))


def plot_live(take: Take, content: BagContent, origin: int, path: Path) -> Path:
    """Plot the muscles of both hands with their deviation, the keys and the simulation's truth."""
    remarks = [
        f'{len(take.videos)} views of simulated video of virtual hands',
        'recorded from the live graph',
    ]
    simulated = simulated_envelopes(take.performance, origin)
    name = take.performance.name
    return plot_take(
        TakeFigure(name, origin, content.tracks, content.presses, simulated, remarks), path
    )


def draw_live(
    take: Take,
    content: BagContent,
    bag: Path,
    origin: int,
    folder: Path,
    progress: Callable[[int], None],
) -> list[Path]:
    """Make the video of all views with hands, bars, curves and keys."""
    simulated = simulated_envelopes(take.performance, origin)
    tracks = content.tracks
    plan = RenderPlan(
        bag,
        folder,
        f'{take.performance.name}, simulated video',
        take.rig.cameras,
        tuple(tracks),
        next(iter(tracks.values())).muscle if tracks else (),
        find_full_scale(content, simulated),
        origin - ORIGIN,
        round_range(*choose_keys(content.presses)),
        simulated,
        overlays=False,
    )
    with closing(inputs_of_take(take).open_capture()) as capture:
        return render(plan, capture, progress)
