"""What follows from corners named in a picture: the take that ships, whose cameras are known."""

import numpy as np
import pytest

from pianokpm_ros.capture.still import Still
from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.keyboard_frame import load_points
from pianokpm_ros.viewer.naming import Naming
from test.viewer.piano_scene import TRUTH, answer, find_corner, take_picture


@pytest.fixture
def naming(tmp_path):
    return Naming([take_picture()], tmp_path / 'points.yaml')


def test_ten_corners_find_the_camera_and_draw_its_keys(naming):
    told = answer(naming)
    assert (told['level'], told['words'], naming.find_trouble()) == ('good', '', '')
    # The take's lens bends by 2 px at the edges, which isn't fitted: 8 mm were seen.
    assert np.linalg.norm(np.subtract(told['centre'], TRUTH.camera('left').centre)) < 0.02
    assert told['median'] < 1.5 and not told['odd']
    assert len(told['wires']['white']) > 60 and 'C4' in told['names']
    spot = np.subtract(told['spots']['G4.front_left'], find_corner('G4.front_left'))
    assert np.linalg.norm(spot) < 2
    assert told['next'] not in told['points']


def test_a_wrong_octave_is_marked(naming):
    told = answer(naming, count=12)
    points = dict(told['points'])
    points['C4.front_left'] = find_corner('C5.front_left')
    naming.take({'camera': 'left', 'points': points, 'skipped': []})
    told = naming.judge('left')
    assert told['level'] == 'bad' and told['odd'] == ['C4.front_left']
    assert 'C4.front_left' in told['words'] and told['wires']
    assert 'C4.front_left' in naming.find_trouble()


def test_refusals_are_said_in_words(naming):
    assert naming.judge('left')['level'] == 'few'
    line = {f'{k}4.front_left': find_corner(f'{k}4.front_left') for k in 'CDEFGA'}
    naming.take({'camera': 'left', 'points': line, 'skipped': []})
    told = naming.judge('left')
    assert told['level'] == 'few' and 'on one line' in told['words'] and 'wires' not in told


def test_a_camera_straight_above_is_shown_but_not_trusted(tmp_path):
    naming = Naming([take_picture('top')], tmp_path / 'points.yaml')
    told = answer(naming, 'top')
    assert told['level'] == 'unsure' and 'focal length unknown' in told['words'] and told['wires']
    lens = {'top': TRUTH.camera('top')}
    known = Naming([take_picture('top')], tmp_path / 'points.yaml', lens)
    assert answer(known, 'top')['level'] == 'good'


@pytest.mark.parametrize(('camera', 'turned'), [('front', True), ('top', False), ('left', False)])
def test_the_drawing_turns_with_the_picture(tmp_path, camera, turned):
    naming = Naming([take_picture(camera)], tmp_path / 'points.yaml')
    assert naming.judge(camera)['turned'] is None
    assert answer(naming, camera, 4)['turned'] is turned


def test_a_file_is_gone_on_with_and_other_cameras_are_kept(naming):
    answer(naming)
    naming.save()
    other = Naming([Still('desk', np.zeros((480, 640, 3), np.uint8))], naming.path)
    assert other.count == 10
    other.take({'camera': 'desk', 'points': {'C4.front_left': [1, 2]}, 'skipped': []})
    other.save()
    assert set(load_points(naming.path)) == {'left', 'desk'}
    again = Naming([take_picture()], naming.path)
    assert again.judge('left')['level'] == 'good'


def test_points_of_another_picture_size_and_unknown_corners_are_refused(naming):
    answer(naming)
    naming.save()
    with pytest.raises(CalibrationError, match='640 x 480, its picture has 64 x 48'):
        Naming([Still('left', np.zeros((48, 64, 3), np.uint8))], naming.path)
    with pytest.raises(CalibrationError, match='lens is calibrated for 640 x 480'):
        small = Still('top', np.zeros((48, 64, 3), np.uint8))
        Naming([small], naming.path.with_name('b.yaml'), {'top': TRUTH.camera('top')})
    with pytest.raises(CalibrationError, match='lenses of left; the cameras are called top'):
        Naming(
            [take_picture('top')], naming.path.with_name('b.yaml'), {'left': TRUTH.camera('left')}
        )
    naming.path.write_text(naming.path.read_text().replace('C4.', 'H4.'))
    with pytest.raises(CalibrationError, match="'H4.front_left'"):
        Naming([take_picture()], naming.path)


@pytest.mark.parametrize(
    'asked',
    [
        {},
        {'camera': 'left'},
        {'camera': 'x', 'points': {}, 'skipped': []},
        {'camera': ['left'], 'points': {}, 'skipped': []},
        {'camera': 'left', 'points': {'<b>': [1, 2]}, 'skipped': []},
        {'camera': 'left', 'points': {'C4.front_left': [1]}, 'skipped': []},
        {'camera': 'left', 'points': {'C4.front_left': [1, 1e999]}, 'skipped': []},
        {'camera': 'left', 'points': {}, 'skipped': 3},
        {'camera': 'left', 'points': {}, 'skipped': [[]]},
    ],
)
def test_nonsense_changes_nothing(naming, asked):
    naming.take({'camera': 'left', 'points': {'C4.front_left': [1, 2]}, 'skipped': []})
    assert naming.take(asked) is None and naming.count == 1
