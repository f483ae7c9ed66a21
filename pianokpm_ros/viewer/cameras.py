"""What one camera shows: its newest picture, and the landmarks that were found in it."""

from collections import OrderedDict
from typing import Any

import numpy as np

from pianokpm_ros.anatomy import LANDMARK_COUNT
from pianokpm_ros.records import HandLandmarks
from pianokpm_ros.view.skeleton import as_side
from pianokpm_ros.viewer.reading import peek_stamp, read_message

KEPT = 64
"""Frames whose landmarks are kept for the picture of the same moment, which may come later."""

PATIENCE = 3
"""Pictures that wait for their landmarks before the oldest is shown without any."""

LANDMARKS, PICTURE = 'pianokpm/msg/HandLandmarks', 'sensor_msgs/msg/CompressedImage'


class CameraView:
    """Keep bytes; only what is shown is read."""

    def __init__(self) -> None:
        self._landmarks: OrderedDict[int, bytes] = OrderedDict()
        self._waiting: OrderedDict[int, bytes] = OrderedDict()
        self._picture: bytes | None = None
        self.picture_stamp = 0
        """Of the picture to show [ns], 0 = none."""

    def hear(self, datatype: str, data: bytes) -> None:
        """Take landmarks or a picture."""
        kept = self._waiting if datatype == PICTURE else self._landmarks
        kept[peek_stamp(data)] = data
        while len(kept) > KEPT:
            kept.popitem(last=False)
        self._choose()

    def _choose(self) -> None:
        """Show the newest picture whose landmarks have had their time to come: they are found after it is sent."""
        newest = next(reversed(self._landmarks), 0)
        late = list(self._waiting)[:-PATIENCE]
        ready = [s for s in self._waiting if s <= newest] + late
        if ready:
            self.picture_stamp = max(ready)
            self._picture = self._waiting[self.picture_stamp]
            for stamp in ready:
                self._waiting.pop(stamp, None)

    @property
    def stamp(self) -> int:
        """When what is shown was taken [ns]: the picture's time where there is one."""
        return self.picture_stamp or next(reversed(self._landmarks), 0)

    def read_picture(self) -> bytes | None:
        """Return the picture's JPEG or PNG."""
        found = read_message(self._picture, PICTURE) if self._picture else None
        return None if found is None else np.asarray(found.data, np.uint8).tobytes()

    def read_hands(self) -> HandLandmarks | None:
        """Return the landmarks of the picture's moment, without a picture the newest."""
        data = self._landmarks.get(self.stamp)
        return read_message(data, LANDMARKS) if data else None


def describe_hands(hands: HandLandmarks) -> list[dict[str, Any]]:
    """Return each hand's side and (42) pixel coordinates, null = not seen."""
    made = []
    for i in range(hands.count):
        pixels = np.asarray(hands.pixels[i], float).reshape(2 * LANDMARK_COUNT)
        known = [round(v, 1) if np.isfinite(v) else None for v in pixels.tolist()]
        made.append({'side': as_side(int(hands.side[i])).label, 'pixels': known})
    return made
