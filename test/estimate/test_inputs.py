import numpy as np
import pytest

from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.geometry.rig import RigError, save_rig
from pianokpm_ros.offline.inputs import (
    ORIGIN,
    InputError,
    find_take,
    gather_inputs,
    match_timestamps,
    name_videos,
)

from . import scene

SIZE = (64, 48)


@pytest.fixture
def folder(tmp_path):
    """A folder with the videos of a rig's two cameras and its calibration."""
    for name in ('top', 'left'):
        scene.save_video(tmp_path / f'{name}.mp4', size=SIZE)
    save_rig(scene.make_rig(SIZE), tmp_path / 'rig.yaml')
    return tmp_path


def test_videos_are_called_like_their_files_or_as_told(folder):
    named = name_videos([str(folder / 'left.mp4'), f'other={folder / "top.mp4"}'])
    assert named == {'left': folder / 'left.mp4', 'other': folder / 'top.mp4'}


def test_a_file_called_as_phones_call_it_needs_no_name(folder):
    video = (folder / 'top.mp4').rename(folder / '2024-05-01 18.30 Für.mp4')
    found = gather_inputs([str(video)])
    assert found.videos == {'camera_2024_05_01_18_30_Fur': video}
    assert found.name == '2024-05-01 18.30 Für'


def test_cameras_come_in_the_rigs_order_and_stamps_from_the_files(folder):
    found = gather_inputs([str(folder / f'{n}.mp4') for n in ('left', 'top')], folder / 'rig.yaml')
    assert tuple(found.videos) == found.rig.names == ('top', 'left')
    assert found.name == folder.name
    capture = found.open_capture()
    stamps = [{n: f.stamp for n, f in s.items()} for s in capture.read_all()]
    capture.close()
    assert stamps == [dict.fromkeys(('top', 'left'), ORIGIN + 40_000_000 * i) for i in range(5)]


def test_a_part_of_the_rig_is_enough(folder):
    found = gather_inputs([str(folder / 'left.mp4')], folder / 'rig.yaml')
    assert found.rig.names == ('left',) and found.name == 'left'


def test_two_views_need_a_calibration(folder):
    with pytest.raises(InputError, match='2 videos without a calibration.*--rig'):
        gather_inputs([str(folder / 'left.mp4'), str(folder / 'top.mp4')])


def test_one_view_needs_none(folder):
    assert gather_inputs([str(folder / 'left.mp4')]).rig is None


def test_a_camera_that_the_rig_does_not_have_is_named_with_a_way_out(folder):
    with pytest.raises(InputError, match=r'no camera called top2 .* top, left; .* left=.*top.mp4'):
        gather_inputs(
            [f'top2={folder / "top.mp4"}', f'top={folder / "top.mp4"}'], folder / 'rig.yaml'
        )


def test_another_size_than_calibrated_is_refused(folder):
    scene.save_video(folder / 'left.mp4', size=(32, 48))
    with pytest.raises(InputError, match="'left' is calibrated for 64x48.*32x48"):
        gather_inputs([str(folder / 'left.mp4')], folder / 'rig.yaml')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ([], 'no video'),
        (['a=x.mp4', 'a=y.mp4'], "both called 'a'"),
        (['2023-05-01.mp4', '2023 05 01.mp4'], "both called 'camera_2023_05_01'"),
        (['.'], 'a folder, neither a video nor a take'),
    ],
)
def test_words_that_name_no_videos(words, message):
    with pytest.raises(InputError, match=message):
        name_videos(words)


def test_files_that_are_no_videos(folder):
    (folder / 'text.mp4').write_text('not a video')
    with pytest.raises(CaptureError, match='no video that can be read'):
        gather_inputs([str(folder / 'text.mp4')])
    with pytest.raises(CaptureError, match='no file'):
        gather_inputs([str(folder / 'missing.mp4')])
    with pytest.raises(RigError, match='asked for the rig file'):
        gather_inputs([str(folder / 'top.mp4')], folder / 'no.yaml')


def test_a_take_stands_alone(tmp_path):
    (tmp_path / 'take.json').write_text('{}')
    assert find_take([str(tmp_path)]) == tmp_path
    assert find_take(['video.mp4']) is None
    with pytest.raises(InputError, match='one take'):
        find_take([str(tmp_path), 'video.mp4'])


def test_time_stamps_must_fit_every_frame():
    good = {'top': np.array([0, 10, 20])}
    assert match_timestamps({'top': 3}, good)['top'].tolist() == [0, 10, 20]
    assert match_timestamps({'top': None}, good)['top'].tolist() == [0, 10, 20]
    for counts, stamps, message in (
        ({'left': 3}, good, 'no time stamps for left; the file has top'),
        ({'top': 4}, good, "3 time stamps for the 4 frames of 'top'"),
        ({'top': 3}, {'top': np.array([0, 20, 20])}, 'frame 2 is not later'),
    ):
        with pytest.raises(InputError, match=message):
            match_timestamps(counts, stamps)


def test_time_stamps_of_a_file_replace_those_of_the_videos(folder):
    rows = [
        f'{c},{i},{10 + 0.05 * i + 0.001 * (c == "left")}'
        for c in ('top', 'left')
        for i in range(5)
    ]
    (folder / 'times.csv').write_text('\n'.join(['camera,frame_index,frame_time', *rows]))
    words = [str(folder / f'{n}.mp4') for n in ('left', 'top')]
    found = gather_inputs(words, folder / 'rig.yaml', timestamps=folder / 'times.csv')
    capture = found.open_capture()
    first, *_, last = [{n: f.stamp - ORIGIN for n, f in s.items()} for s in capture.read_all()]
    capture.close()
    assert (first, last) == (
        {'top': 0, 'left': 1_000_000},
        {'top': 200_000_000, 'left': 201_000_000},
    )
