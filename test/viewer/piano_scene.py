"""A picture of the take that ships, and where the corners of keys are in it."""

from pathlib import Path

import numpy as np

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.still import take_still
from pianokpm_ros.geometry.calibration.key_corners import locate_point
from pianokpm_ros.geometry.calibration.key_wires import find_pixels
from pianokpm_ros.geometry.rig import load_rig

TAKE = Path(__file__).resolve().parents[2] / 'pianokpm_ros' / 'assets' / 'takes' / 'demo'
TRUTH = load_rig(TAKE / 'rig.yaml')


def take_picture(camera='left'):
    """Return the picture of one camera."""
    return take_still(str(TAKE / f'{camera}.mp4'), CameraSettings())


def find_corner(corner, camera='left'):
    """Return where a corner is seen, [x, y] [px]; None = it isn't."""
    pixel = find_pixels(TRUTH.camera(camera), locate_point(corner)[None])[0]
    return pixel.tolist() if np.isfinite(pixel[0]) else None


def answer(naming, camera='left', count=10):
    """Name what is asked for, as far as it is seen; returns what was said last."""
    points, skipped, told = {}, [], naming.judge(camera)
    while len(points) < count:
        corner, pixel = told['next'], find_corner(told['next'], camera)
        if pixel is None:
            skipped.append(corner)
        else:
            points[corner] = pixel
        assert naming.take({'camera': camera, 'points': points, 'skipped': skipped}) == camera
        told = naming.judge(camera)
    return told
