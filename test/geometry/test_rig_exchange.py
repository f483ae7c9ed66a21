import cv2
import numpy as np
import pytest

from pianokpm_ros.geometry.rig import Rig, RigError, save_rig
from pianokpm_ros.geometry.rig_exchange import (
    load_camera_info,
    load_lenses,
    save_aniposelib,
    save_caliscope,
    save_camera_info,
)
from pianokpm_ros.geometry.rig_formats import load_caliscope, tomllib

from .conftest import look_at


@pytest.mark.parametrize('model', ['pinhole', 'fisheye'])
def test_camera_info_comes_back(tmp_path, model):
    coefficients = (0.1, -0.05, 0.01, 0.002) if model == 'fisheye' else (-0.1, 0.02, 1e-3, 0, 0.3)
    camera = look_at('top', (0, 0, 1), distortion=coefficients, model=model)
    save_camera_info(camera, tmp_path / 'top.yaml')
    back = load_camera_info(tmp_path / 'top.yaml')
    assert (back.name, back.size, back.model) == ('top', camera.size, model)
    np.testing.assert_array_equal(back.matrix, camera.matrix)
    np.testing.assert_array_equal(back.distortion, camera.distortion)


def test_lenses_are_read_from_a_rig_or_from_camera_info(rig, tmp_path):
    save_rig(rig, tmp_path / 'rig.yaml')
    assert tuple(load_lenses(tmp_path / 'rig.yaml')) == rig.names
    save_camera_info(rig.camera('left'), tmp_path / 'left.yaml')
    (left,) = load_lenses(tmp_path / 'left.yaml').values()
    assert (left.name, left.size) == ('left', rig.camera('left').size)
    for wrong in ('- 1', 'camera_matrix: 3'):
        (tmp_path / 'a.yaml').write_text(wrong)
        with pytest.raises(RigError, match='a.yaml: expected'):
            load_lenses(tmp_path / 'a.yaml')


@pytest.mark.parametrize('save', [save_aniposelib, save_caliscope])
def test_a_rig_comes_back_from_toml(rig, tmp_path, save):
    save(rig, tmp_path / 'rig.toml')
    back = load_caliscope(tmp_path / 'rig.toml')
    if save is save_aniposelib:
        assert back.names == rig.names
    for a, b in zip(back.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-12)
        np.testing.assert_array_equal(a.translation, b.translation)
        np.testing.assert_array_equal(a.distortion[:5], b.distortion[:5])


def test_aniposelib_fields_are_its_own(rig, tmp_path):
    save_aniposelib(rig, tmp_path / 'rig.toml')
    content = tomllib.loads((tmp_path / 'rig.toml').read_text())
    entry = content['cam_1']
    assert entry['name'] == 'left' and len(entry['rotation']) == 3 and 'metadata' in content
    turn = cv2.Rodrigues(np.array(entry['rotation']))[0]
    np.testing.assert_allclose(turn, rig.camera('left').rotation, atol=1e-12)


def test_what_a_format_can_not_hold_is_refused(tmp_path):
    camera = look_at('top', (0, 0, 1), distortion=(0.1, 0, 0, 0, 0, 0.2, 0, 0))
    with pytest.raises(RigError, match='five distortion coefficients, found 8'):
        save_aniposelib(Rig((camera,)), tmp_path / 'rig.toml')
    assert not list(tmp_path.iterdir())
    (tmp_path / 'a.yaml').write_text('image_width: 3')
    with pytest.raises(RigError, match='expected ROS camera calibration'):
        load_camera_info(tmp_path / 'a.yaml')


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('size', '[640]'),
        ('size', '"large"'),
        ('rotation', '[[1, 0, 0], [0, 1], [0, 0, 1]]'),
        ('rotation', '{x = 1}'),
        ('matrix', '[[1, 2], [3]]'),
    ],
)
def test_what_is_no_camera_in_a_toml_is_said_with_the_file_not_stumbled_over(
    rig, tmp_path, field, value
):
    path = tmp_path / 'cameras.toml'
    save_caliscope(rig, path)
    text = path.read_text()
    old = next(line for line in text.splitlines() if line.startswith(f'{field} ='))
    path.write_text(text.replace(old, f'{field} = {value}', 1))
    with pytest.raises(RigError, match=rf"cameras.toml: camera 'cam_0': {field} must"):
        load_caliscope(path)
    path.write_bytes(b'\xff' + text.encode())
    with pytest.raises(RigError, match='is no TOML file'):
        load_caliscope(path)
