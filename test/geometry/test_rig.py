import dataclasses

import numpy as np
import pytest
import yaml

from pianokpm_ros.geometry.rig import Rig, RigError, load_rig, save_rig
from pianokpm_ros.geometry.rig_formats import load_caliscope, load_handpose3d


def test_a_rig_survives_its_file(rig, tmp_path):
    save_rig(rig, tmp_path / 'rig.yaml')
    again = load_rig(tmp_path / 'rig.yaml')
    assert again.names == rig.names and again.frame_id == rig.frame_id
    for a, b in zip(rig.cameras, again.cameras, strict=True):
        for field in ('matrix', 'distortion', 'rotation', 'translation'):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert [p.name for p in tmp_path.iterdir()] == ['rig.yaml']


@pytest.mark.parametrize(
    ('edit', 'words'),
    [
        (lambda c: c.update(schema='other'), 'pianokpm-rig'),
        (lambda c: c.update(version=99), 'version 1'),
        (lambda c: c.update(cameras={}), 'cameras'),
        (lambda c: c['cameras']['top'].pop('rotation'), 'rotation missing'),
        (lambda c: c['cameras']['top'].update(size=[640.5, 480]), 'whole pixels'),
        (lambda c: c['cameras']['top']['matrix'][0].__setitem__(0, float('nan')), 'NaN'),
        (lambda c: c['cameras'].update(top='none'), 'fields'),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(rig, tmp_path, edit, words):
    path = tmp_path / 'rig.yaml'
    save_rig(rig, path)
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(RigError, match=words) as error:
        load_rig(path)
    assert 'rig.yaml' in str(error.value)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(RigError, match='calibrate'):
        load_rig(tmp_path / 'none.yaml')
    (tmp_path / 'x.yaml').write_text('a: [1')
    with pytest.raises(RigError, match='no YAML'):
        load_rig(tmp_path / 'x.yaml')


def test_names_are_unique_and_known(rig):
    with pytest.raises(RigError, match='more than once'):
        Rig((rig.cameras[0], rig.cameras[0]))
    with pytest.raises(RigError, match='top, left, right, front'):
        rig.camera('back')
    assert rig.select(('front', 'top')).names == ('front', 'top')


def test_neighbours_files_are_read(shared_data):
    stereo = load_handpose3d(shared_data / 'hands_stereo', (720, 720))
    assert stereo.names == ('cam0', 'cam1')
    four = load_caliscope(shared_data / 'charuco_4cam' / 'camera_array.toml')
    assert len(four.cameras) == 4
    # The cameras stand round a desk: no two nearer than 0.1 m, none further than 2 m apart.
    apart = [
        np.linalg.norm(a.centre - b.centre)
        for a in four.cameras
        for b in four.cameras
        if a is not b
    ]
    assert 0.1 < min(apart) and max(apart) < 2.0


def test_a_delay_is_kept_and_checked(rig, tmp_path):
    late = Rig((dataclasses.replace(rig.cameras[0], delay=0.1078), *rig.cameras[1:]))
    save_rig(late, tmp_path / 'rig.yaml')
    back = load_rig(tmp_path / 'rig.yaml')
    assert (back.delay_of('top'), back.delay_of('left')) == (107_800_000, 0)
    assert (tmp_path / 'rig.yaml').read_text().count('delay') == 1
    text = (tmp_path / 'rig.yaml').read_text()
    (tmp_path / 'rig.yaml').write_text(text.replace('delay: 0.1078', 'delay: 3.0'))
    with pytest.raises(RigError, match='delay must be less than 1 s'):
        load_rig(tmp_path / 'rig.yaml')
