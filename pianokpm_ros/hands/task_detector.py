"""MediaPipe's Tasks API (`HandLandmarker`) for one camera: what MediaPipe after 0.10.21 has instead of `solutions`."""

import importlib
from typing import Any

from pianokpm_ros.anatomy import Side
from pianokpm_ros.hands.detector import USUAL, DetectorError, Tracking
from pianokpm_ros.hands.mediapipe_package import import_mediapipe, make_record, to_rgb
from pianokpm_ros.records import MILLISECOND, Frame, HandLandmarks

SIDES = {'Left': Side.LEFT, 'Right': Side.RIGHT}
"""Other than `solutions` this API names the hands of pictures that are not mirrored (seen with 0.10.21 and 1.2.3)."""


class TaskDetector:
    """Track the hands of one camera; a second camera needs an instance of its own."""

    def __init__(
        self,
        camera: str,
        frame_id: str,
        bundle: bytes,
        tracking: Tracking = USUAL,
    ) -> None:
        """Load the models.

        Args:
            camera: name, for the records.
            frame_id: optical frame, for the records.
            bundle: content of a `hand_landmarker.task` (`task_bundle.load_bundle`).
            tracking: how the hands are followed. `min_tracking` is another threshold than the one that this API
                calls `min_tracking_confidence`, which is an overlap of boxes and left alone.
        """
        self._camera, self._frame_id = camera, frame_id
        self._mediapipe, self._static, self._last = import_mediapipe(), tracking.static, -1
        try:
            self._landmarker = _load(bundle, tracking)
        except (RuntimeError, ValueError) as error:
            raise DetectorError(
                f'mediapipe {self._mediapipe.__version__} refuses the models for {camera}: {error}; give a '
                'hand_landmarker.task made for it'
            ) from error

    def detect(self, frame: Frame) -> HandLandmarks:
        """Find the hands of a frame."""
        picture = self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, to_rgb(frame))
        if self._static:
            found = self._landmarker.detect(picture)
        else:
            found = self._landmarker.detect_for_video(picture, self._milliseconds(frame.stamp))
        best = [hand[0] for hand in found.handedness]
        return make_record(
            frame,
            self._camera,
            self._frame_id,
            found.hand_landmarks,
            found.hand_world_landmarks,
            [(SIDES.get(b.category_name, Side.UNKNOWN), b.score) for b in best],
        )

    def _milliseconds(self, stamp: int) -> int:
        """Return what the API takes for the time, which must grow from frame to frame, whatever the stamps do."""
        self._last = max(stamp // MILLISECOND, self._last + 1)
        return self._last

    def close(self) -> None:
        """Free the models."""
        self._landmarker.close()


def _load(bundle: bytes, tracking: Tracking) -> Any:
    tasks = importlib.import_module('mediapipe.tasks.python')
    vision = importlib.import_module('mediapipe.tasks.python.vision')
    options = vision.HandLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=bundle),
        running_mode=vision.RunningMode.IMAGE if tracking.static else vision.RunningMode.VIDEO,
        num_hands=tracking.max_hands,
        min_hand_detection_confidence=tracking.min_detection,
        min_hand_presence_confidence=tracking.min_tracking,
    )
    return vision.HandLandmarker.create_from_options(options)
