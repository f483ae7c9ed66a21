"""Read the calibrations of neighbours: `.dat` pairs of handpose3d, `camera_array.toml` of caliscope."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pianokpm_ros.geometry.camera import Camera, CameraError
from pianokpm_ros.geometry.rig import Rig, RigError, load_rig

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


def load_handpose3d(folder: Path | str, size: tuple[int, int], scale: float = 1.0) -> Rig:
    """Read `cN.dat` and `rot_trans_cN.dat` of a folder as cameras `cam0`, `cam1` and so on.

    Args:
        folder: holds the files.
        size: (width, height) of the videos [px], which the files don't tell.
        scale: metres in one unit of the maker's lengths.
    """
    folder = Path(folder)
    files = sorted(folder.glob('c[0-9]*.dat'))
    if not files:
        raise RigError(f'asked for handpose3d calibrations (c0.dat, ...) in {folder}, found none')
    return Rig(tuple(_read_handpose3d(f, size, scale) for f in files))


def _read_handpose3d(path: Path, size: tuple[int, int], scale: float) -> Camera:
    intrinsic = _read_rows(path)
    extrinsic = _read_rows(path.with_name(f'rot_trans_{path.name}'))
    if len(intrinsic) < 4 or len(extrinsic) < 6:
        raise RigError(
            f'{path}: expected at least 4 rows of numbers and 6 beside it, found {len(intrinsic)}, {len(extrinsic)}'
        )
    translation = scale * np.array([row[0] for row in extrinsic[3:6]])
    return Camera(
        f'cam{path.stem[1:]}',
        size,
        intrinsic[:3],
        intrinsic[3],
        extrinsic[:3],
        translation,
    )


def _read_rows(path: Path) -> list[list[float]]:
    try:
        lines = path.read_text(errors='replace').splitlines()
    except OSError as error:
        raise RigError(f'asked for {path}: {error.strerror}') from error
    rows = []
    for line in lines:
        try:
            rows.append([float(word) for word in line.split()])
        except ValueError:
            continue  # headings such as "R:" stand between the rows
    return [row for row in rows if row]


def load_caliscope(path: Path | str) -> Rig:
    """Read a `camera_array.toml`; cameras are called `cam_N`."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise RigError(f'asked for {path}: {error.strerror}') from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RigError(f'{path} is no TOML file: {error}') from error
    entries = content.get('cameras', content)
    entries = entries if isinstance(entries, dict) else {}
    found = {n: e for n, e in entries.items() if isinstance(e, dict) and 'matrix' in e}
    try:
        return Rig(tuple(_read_caliscope(n, e) for n, e in found.items()))
    except (RigError, CameraError) as error:
        raise RigError(f'{path}: {error}') from error


def _read_caliscope(name: str, entry: dict) -> Camera:
    missing = [f for f in ('size', 'distortions', 'rotation', 'translation') if f not in entry]
    if missing:
        raise RigError(f'camera {name!r}: {", ".join(missing)} missing; calibrate all cameras')
    port = entry.get('cam_id', entry.get('port', name))
    model = 'fisheye' if entry.get('fisheye', False) else 'pinhole'
    return Camera(
        str(entry.get('name', f'cam_{port}')),  # aniposelib has names, caliscope numbers
        entry['size'],
        entry['matrix'],
        entry['distortions'],
        _read_rotation(entry['rotation']),
        entry['translation'],
        model,
    )


def _read_rotation(values: Any) -> Any:
    """Return a (3, 3) matrix, also of a rotation vector; what is none of both is left to `Camera` to refuse."""
    try:
        rotation = np.array(values, np.float64)
    except (TypeError, ValueError):
        return values
    return cv2.Rodrigues(rotation.reshape(3))[0] if rotation.size == 3 else rotation


def load_any_rig(path: Path | str, size: tuple[int, int], scale: float = 1.0) -> Rig:
    """Read a rig file, a folder of handpose3d or a TOML file of caliscope, whichever it is.

    Args:
        path: file or folder.
        size: (width, height) of the videos [px], for formats that don't tell.
        scale: metres in one unit of the file's lengths.
    """
    path = Path(path)
    if path.is_dir():
        rig = load_handpose3d(path, size)
    else:
        rig = load_caliscope(path) if path.suffix == '.toml' else load_rig(path)
    return scale_rig(rig, scale)


def scale_rig(rig: Rig, scale: float) -> Rig:
    """Return a rig whose lengths are multiplied."""
    if not 0 < scale < float('inf'):
        raise RigError(f'asked for the scale {scale}; it must be a positive number')
    cameras = (replace(c, translation=c.translation * scale) for c in rig.cameras)
    return replace(rig, cameras=tuple(cameras))
