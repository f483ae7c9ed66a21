"""Hands in space from the landmarks of all cameras."""

import sys
from collections.abc import Callable

from pianokpm.msg import HandLandmarks, HandPose

from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.bones import BoneSettings
from pianokpm_ros.geometry.pose_stream import PoseStream, StreamSettings
from pianokpm_ros.geometry.rig import Rig, RigError, load_rig
from pianokpm_ros.geometry.smoothing import SmoothingSettings
from pianokpm_ros.geometry.triangulator import HandTriangulator, TriangulatorSettings
from pianokpm_ros.nodes.backlog import BACKLOG_PARAMETERS
from pianokpm_ros.nodes.base import STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.parameters import Parameter, ParameterError
from pianokpm_ros.records import HandPose as Pose

TICK = 0.02


class TriangulationNode(PianoNode):
    """Subscribe to each `<camera>/hands`, publish `hands/left` and `hands/right`."""

    PARAMETERS = (
        Parameter('cameras', [''], 'camera names; empty = all of the rig'),
        Parameter('rig', '', 'calibration file; empty = one camera, single view'),
        Parameter(
            'sync_tolerance',
            0.0,
            'largest distance of two frames of one moment; 0 = half of the frame period seen [s]',
            0.0,
            0.1,
        ),
        Parameter(
            'max_wait', 0.08, 'wait for a view while others run ahead by up to this [s]', 0.0, 1.0
        ),
        Parameter('timeout', 0.1, 'without views for this long poses are INVALID [s]', 0.02, 10.0),
        Parameter(
            'landmark_noise',
            0.0045,
            '1 sigma of a landmark in one view, at the hand [m]',
            0.0005,
            0.05,
        ),
        Parameter(
            'max_contradiction',
            0.08,
            "views that contradict each other by more parts of the hand's length: DEGRADED",
            0.005,
            1.0,
        ),
        Parameter(
            'max_skew', 0.009, 'stamps of a set further apart than this: DEGRADED [s]', 0.0, 0.1
        ),
        Parameter('hold_bones', False, 'learn bone lengths from the poses and hold them softly'),
        Parameter('smooth', False, 'smooth poses (One Euro filter; still hands are 40 ms late)'),
        *BACKLOG_PARAMETERS,
        *WAIT_PARAMETERS,
    )

    def __init__(self) -> None:
        super().__init__('triangulation_node')
        s = self.settings
        rig = load_rig(s['rig']) if s['rig'] else None
        self._cameras = self._choose_cameras(rig)
        quality = TriangulatorSettings(
            s['landmark_noise'],
            s['max_contradiction'],
            max_skew=nanoseconds(s['max_skew']),
            bones=BoneSettings() if s['hold_bones'] else None,
            smoothing=SmoothingSettings() if s['smooth'] else None,
        )
        self._stream = PoseStream(
            HandTriangulator(rig.select(self._cameras) if rig else None, quality),
            self._cameras,
            StreamSettings(
                *(nanoseconds(s[n]) for n in ('sync_tolerance', 'max_wait', 'timeout'))
            ),
        )
        self._poses = {
            side: self.create_publisher(HandPose, f'hands/{side.label}', STREAM) for side in SIDES
        }
        self.offer_pause()
        Connections(self, s['wait_for']).call_when_complete(s['wait_timeout'], self._listen)

    def _listen(self) -> None:
        for name in self._cameras:
            self.listen(HandLandmarks, f'{name}/hands', self._take)
        self.repeat(TICK, self._look_for_silence)

    def _choose_cameras(self, rig: Rig | None) -> tuple[str, ...]:
        names = tuple(self.settings['cameras']) or (rig.names if rig else ())
        if rig is None and len(names) != 1:
            raise ParameterError(
                f'without a rig one camera can be used, found {len(names)} ({", ".join(names)}); '
                'give the calibration of the cameras in `rig`, or one camera in `cameras`'
            )
        return names

    def _take(self, message: HandLandmarks) -> None:
        record = self.read(message)
        if record is not None and self.enabled:
            self._send(lambda: self._stream.push(record, self.now))

    def _look_for_silence(self) -> None:
        if self.enabled:
            self._send(lambda: self._stream.tick(self.now))

    def _send(self, make: Callable[[], list[Pose]]) -> None:
        try:
            poses = make()
        except RigError as error:
            self.fail(str(error))
            return
        for pose in poses:
            self.publish(self._poses[pose.side], pose)

    def diagnose(self) -> Health:
        """Tell what the synchroniser did."""
        c = self._stream.counters
        missing = {f'missing {n}': c.missing[n] for n in self._cameras}
        values = {
            'sets': c.sets,
            'complete': c.complete,
            'late': c.late,
            'unknown': c.unknown,
            'restarts': c.restarts,
            'skipped': self.backlog.skipped,
            'rejected': self.rejected,
            **missing,
            **{f'{n} disagrees by px': round(e, 1) for n, e in self._stream.view_errors.items()},
        }
        if not self._stream.heard:
            return Health.warning(f'no view yet of {", ".join(self._cameras)}', **values)
        if self._stream.silent:
            return Health.error('no camera is heard: poses are INVALID', **values)
        complaints = self._stream.complaints
        if complaints:
            return Health.warning('; '.join(complaints), **values)
        return Health.good('running', **values)


def nanoseconds(seconds: float) -> int:
    """Turn a parameter [s] into [ns]."""
    return round(seconds * 1e9)


def main() -> int:
    """Run the node."""
    return run_node(TriangulationNode)


if __name__ == '__main__':
    sys.exit(main())
