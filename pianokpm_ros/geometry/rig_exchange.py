"""Write what others read: ROS `camera_info` YAML (also read), TOML of aniposelib and caliscope."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig, RigError, load_rig
from pianokpm_ros.outputs import whole_file

DISTORTION_MODELS = {
    'plumb_bob': 'pinhole',
    'rational_polynomial': 'pinhole',
    'equidistant': 'fisheye',
    'fisheye': 'fisheye',
}


def name_distortion(camera: Camera) -> str:
    """Return ROS' name of a camera's distortion model."""
    if camera.model == 'fisheye':
        return 'equidistant'
    return 'plumb_bob' if len(camera.distortion) <= 5 else 'rational_polynomial'


def save_camera_info(camera: Camera, path: Path | str) -> None:
    """Write the intrinsics as ROS' camera calibration YAML, complete or not at all."""
    distortion = camera.distortion if len(camera.distortion) else np.zeros(5)
    projection = np.column_stack([camera.matrix, np.zeros(3)])
    content = {
        'image_width': camera.size[0],
        'image_height': camera.size[1],
        'camera_name': camera.name,
        'camera_matrix': _matrix(camera.matrix),
        'distortion_model': name_distortion(camera),
        'distortion_coefficients': _matrix(distortion[None]),
        'rectification_matrix': _matrix(np.eye(3)),
        'projection_matrix': _matrix(projection),
    }
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
    _write(Path(path), text)


def load_camera_info(path: Path | str) -> Camera:
    """Read the intrinsics of one camera from ROS' camera calibration YAML; it stands at the origin."""
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise RigError(f'asked for {path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RigError(f'{path} is no YAML file: {error}') from error
    try:
        model = DISTORTION_MODELS[content['distortion_model']]
        return Camera(
            str(content.get('camera_name') or path.stem),
            (int(content['image_width']), int(content['image_height'])),
            np.array(content['camera_matrix']['data'], float).reshape(3, 3),
            np.array(content['distortion_coefficients']['data'], float),
            model=model,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RigError(
            f'{path}: expected ROS camera calibration (image_width, camera_matrix, distortion_model '
            f'one of {", ".join(DISTORTION_MODELS)}, ...): {type(error).__name__} {error}'
        ) from error


def load_lenses(path: Path | str) -> dict[str, Camera]:
    """Read the cameras of a rig file, or the one of ROS' camera calibration YAML, by name."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        content = None  # `load_rig` says why
    if isinstance(content, dict) and 'camera_matrix' in content:
        camera = load_camera_info(path)
        return {camera.name: camera}
    return {c.name: c for c in load_rig(path).cameras}


def save_aniposelib(rig: Rig, path: Path | str) -> None:
    """Write a TOML file that `aniposelib.cameras.CameraGroup.load` reads; lengths in metres."""
    lines = []
    for i, camera in enumerate(rig.cameras):
        turn = cv2.Rodrigues(np.array(camera.rotation))[0].ravel()
        lines += [
            f'[cam_{i}]',
            f'name = "{_quote(camera.name)}"',
            f'size = {list(camera.size)}',
            f'matrix = {camera.matrix.tolist()}',
            f'distortions = {_five(camera)}',
            f'rotation = {turn.tolist()}',
            f'translation = {camera.translation.tolist()}',
            f'fisheye = {str(camera.model == "fisheye").lower()}',
            '',
        ]
    lines += ['[metadata]', 'adjusted = true', '']
    _write(Path(path), '\n'.join(lines))


def save_caliscope(rig: Rig, path: Path | str) -> None:
    """Write a `camera_array.toml` of caliscope; cameras are numbered in order."""
    lines = []
    for i, camera in enumerate(rig.cameras):
        lines += [
            f'[cameras.{i}]',
            f'cam_id = {i}',
            'rotation_count = 0',
            f'size = {list(camera.size)}',
            f'matrix = {camera.matrix.tolist()}',
            f'distortions = {_five(camera)}',
            f'rotation = {camera.rotation.tolist()}',
            f'translation = {camera.translation.tolist()}',
            f'fisheye = {str(camera.model == "fisheye").lower()}',
            '',
        ]
    _write(Path(path), '\n'.join(lines))


def _five(camera: Camera) -> list[float]:
    """Return five coefficients, four for a fisheye: what these formats hold."""
    if camera.model == 'fisheye':
        return camera.distortion.tolist()
    if np.any(camera.distortion[5:]):
        raise RigError(
            f'camera {camera.name!r}: this format holds five distortion coefficients, found '
            f'{len(camera.distortion)}; calibrate with the plain pinhole model'
        )
    return [*camera.distortion[:5].tolist(), *[0.0] * (5 - len(camera.distortion[:5]))]


def _matrix(values: np.ndarray) -> dict[str, Any]:
    rows, columns = values.shape
    return {'rows': rows, 'cols': columns, 'data': values.ravel().tolist()}


def _quote(text: str) -> str:
    return text.replace('\\', '\\\\').replace('"', '\\"')


def _write(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text)
