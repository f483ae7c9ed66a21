"""The cameras of one set-up and the frame they share; read from and written to one YAML file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.camera import Camera, CameraError
from pianokpm_ros.outputs import whole_file

SCHEMA = 'pianokpm-rig'
VERSION = 1
FIELDS = ('size', 'matrix', 'rotation', 'translation')


class RigError(PianokpmError, ValueError):
    """A rig file can't be used."""


@dataclass(frozen=True)
class Rig:
    """Calibrated cameras.

    Attributes:
        cameras: at least one, names unique.
        frame_id: the frame of their extrinsics. For a piano: x along the keys to the right, y away
            from the player, z up, origin in the middle of the front edge of the middle C key, on
            its top.
    """

    cameras: tuple[Camera, ...]
    frame_id: str = 'rig'

    def __post_init__(self) -> None:
        names = self.names
        if not names:
            raise RigError('a rig needs at least one camera, found none')
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise RigError(
                f'camera names must be unique in a rig, found {", ".join(doubled)} more than once'
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cameras."""
        return tuple(c.name for c in self.cameras)

    def camera(self, name: str) -> Camera:
        """Return a camera by name."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise RigError(f'asked for the camera {name!r}; this rig has {", ".join(self.names)}')

    def camera_of_size(self, name: str, size: tuple[int, int]) -> Camera:
        """Return a camera by name that sends pictures of a (width, height) [px], which must be the calibrated one."""
        camera = self.camera(name)
        if size != camera.size:
            raise RigError(
                f'camera {name!r} is calibrated for {camera.size[0]}x{camera.size[1]} but sends '
                f'{size[0]}x{size[1]}; set the camera to the calibrated size or calibrate again'
            )
        return camera

    def delay_of(self, name: str) -> int:
        """Return how much older than its stamps a camera's pictures are [ns]."""
        return round(self.camera(name).delay * 1e9)

    def select(self, names: tuple[str, ...]) -> 'Rig':
        """Return the rig of some of the cameras, in the order of `names`."""
        return Rig(tuple(self.camera(n) for n in names), self.frame_id)


def move_rig(rig: Rig, rotation: ArrayLike, shift: ArrayLike, frame_id: str) -> Rig:
    """Return the cameras in another frame, in which a place p of the rig's is rotation @ p + shift.

    Args:
        rig: whose frame is left.
        rotation: (3, 3).
        shift: (3,) [m].
        frame_id: of the new frame.
    """
    turned = ((c, c.rotation @ np.transpose(rotation)) for c in rig.cameras)
    cameras = (replace(c, rotation=r, translation=c.translation - r @ shift) for c, r in turned)
    return Rig(tuple(cameras), frame_id)


def load_rig(path: Path | str) -> Rig:
    """Read a rig file."""
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise RigError(
            f'asked for the rig file {path}: {error.strerror}; make one with `pianokpm calibrate` or name '
            'another'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RigError(
            f'{path} is no YAML file; name one that `pianokpm calibrate` made: {error}'
        ) from error
    try:
        return _parse(content)
    except (RigError, CameraError) as error:
        raise RigError(f'{path}: {error}') from error


def _parse(content: Any) -> Rig:
    if not isinstance(content, dict) or content.get('schema') != SCHEMA:
        found = content.get('schema') if isinstance(content, dict) else type(content).__name__
        raise RigError(f'expected `schema: {SCHEMA}`, found {found!r}; is this a rig file?')
    if content.get('version') != VERSION:
        raise RigError(
            f'expected version {VERSION}, found {content.get("version")!r}; use a matching pianokpm'
        )
    cameras = content.get('cameras')
    if not isinstance(cameras, dict) or not cameras:
        raise RigError('expected `cameras:` with an entry for each camera, found none')
    return Rig(
        tuple(_parse_camera(str(n), c) for n, c in cameras.items()),
        str(content.get('frame_id', 'rig')),
    )


def _parse_camera(name: str, entry: Any) -> Camera:
    if not isinstance(entry, dict):
        raise RigError(f'camera {name!r}: expected its fields, found {entry!r}')
    missing = [f for f in FIELDS if f not in entry]
    if missing:
        raise RigError(f'camera {name!r}: {", ".join(missing)} missing; calibrate this camera')
    size = entry['size']
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(n, int) for n in size):
        raise RigError(
            f'camera {name!r}: size must be [width, height] in whole pixels, found {size!r}'
        )
    return Camera(
        name,
        (size[0], size[1]),
        entry['matrix'],
        entry.get('distortion', [0.0] * 5),
        entry['rotation'],
        entry['translation'],
        str(entry.get('model', 'pinhole')),
        _parse_delay(name, entry.get('delay', 0.0)),
    )


def _parse_delay(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RigError(f'camera {name!r}: delay must be a number of seconds, found {value!r}')
    return float(value)


def save_rig(rig: Rig, path: Path | str) -> None:
    """Write a rig file, complete or not at all."""
    content = {
        'schema': SCHEMA,
        'version': VERSION,
        'frame_id': rig.frame_id,
        'cameras': {
            c.name: {
                'size': list(c.size),
                'model': c.model,
                'matrix': c.matrix.tolist(),
                'distortion': c.distortion.tolist(),
                'rotation': c.rotation.tolist(),
                'translation': c.translation.tolist(),
                **({'delay': c.delay} if c.delay else {}),
            }
            for c in rig.cameras
        },
    }
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
    with whole_file(path) as part:
        part.write_text(text)
