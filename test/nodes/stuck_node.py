"""A node one of whose workers never answers: `python -m test.nodes.stuck_node NAME CAMERA HOW --ros-args ...`.

HOW is `stuck` or `dead`.
"""

import importlib
import sys
import threading

from pianokpm_ros.hands import choice
from pianokpm_ros.records import HandLandmarks


class Detector:
    """Finds no hands; that of one camera waits for ever at its third frame, or raises."""

    def __init__(self, camera, stuck, how):
        self._camera, self._left = camera, 2 if camera == stuck else 10**9
        self._how = how

    def detect(self, frame):
        self._left -= 1
        if self._left < 0:
            if self._how == 'dead':
                raise RuntimeError('no more')
            threading.Event().wait()
        height, width = frame.image.shape[:2]
        return HandLandmarks.empty(frame.stamp, self._camera, 'f', (width, height), frame.sequence)

    def close(self):
        pass


def main(name, stuck, how):
    """Run a node of the package."""
    choice.choose_detector = lambda settings: lambda camera: Detector(camera, stuck, how)
    module = importlib.import_module(f'pianokpm_ros.nodes.{name}')
    return module.main()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:4]))
