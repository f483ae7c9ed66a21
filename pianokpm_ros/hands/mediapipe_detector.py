"""MediaPipe's hand tracking (`solutions.hands`) for one camera."""

from typing import Any

from pianokpm_ros.anatomy import Side
from pianokpm_ros.hands.detector import USUAL, DetectorError, Tracking
from pianokpm_ros.hands.mediapipe_package import import_mediapipe, make_record, to_rgb
from pianokpm_ros.records import Frame, HandLandmarks

COMPLEXITY = {'lite': 0, 'full': 1}
SIDES = {'Left': Side.RIGHT, 'Right': Side.LEFT}
"""`solutions` names hands as in a mirror; pictures here are not mirrored."""


def has_solutions() -> bool:
    """Tell whether the installed mediapipe still has `solutions` (up to 0.10.21)."""
    return hasattr(import_mediapipe(), 'solutions')


class MediaPipeDetector:
    """Track the hands of one camera; a second camera needs an instance of its own."""

    def __init__(
        self,
        camera: str,
        frame_id: str,
        model: str = 'full',
        tracking: Tracking = USUAL,
    ) -> None:
        """Load the models.

        Args:
            camera: name, for the records.
            frame_id: optical frame, for the records.
            model: `full` or `lite`.
            tracking: how the hands are followed.
        """
        self._camera, self._frame_id = camera, frame_id
        self._hands = _load(model, tracking)

    def detect(self, frame: Frame) -> HandLandmarks:
        """Find the hands of a frame."""
        picture = to_rgb(frame)
        picture.flags.writeable = False  # lets MediaPipe take it by reference
        found = self._hands.process(picture)
        hands = found.multi_hand_landmarks or ()
        world = found.multi_hand_world_landmarks or ()
        best = [h.classification[0] for h in found.multi_handedness or ()]
        return make_record(
            frame,
            self._camera,
            self._frame_id,
            [h.landmark for h in hands],
            [h.landmark for h in world],
            [(SIDES.get(b.label, Side.UNKNOWN), b.score) for b in best],
        )

    def close(self) -> None:
        """Free the models."""
        self._hands.close()


def _load(model: str, tracking: Tracking) -> Any:
    if model not in COMPLEXITY:
        raise DetectorError(
            f'asked for the hand model {model!r}; there are {", ".join(COMPLEXITY)}'
        )
    mediapipe = import_mediapipe()
    if not has_solutions():
        raise DetectorError(
            f'mediapipe {mediapipe.__version__} has no `solutions`; choose the detector `tasks`, or '
            'install 0.10.21, the last that has'
        )
    return mediapipe.solutions.hands.Hands(
        static_image_mode=tracking.static,
        max_num_hands=tracking.max_hands,
        model_complexity=COMPLEXITY[model],
        min_detection_confidence=tracking.min_detection,
        min_tracking_confidence=tracking.min_tracking,
    )
