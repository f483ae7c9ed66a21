import pytest

from pianokpm_ros.geometry.view_check import LEAST, MEMORY, ViewCheck

CAMERAS = ('top', 'left', 'right', 'front')


def watch(front, others=3.0, cameras=CAMERAS):
    """See hands by some cameras, of which the front one is off by so much in successive sets [px of 1 mm]."""
    check = ViewCheck()
    for distance in front:
        for name in cameras[:-1]:
            check.push(name, others, 1e-3 * others)
        check.push(cameras[-1], distance, 1e-3 * distance)
    return check


def test_a_camera_that_is_off_is_suspected_once_it_is_known():
    assert watch([20.0] * (LEAST - 1)).suspects == ()
    found = watch([20.0] * LEAST)
    assert found.suspects == ('front',) and found.errors['front'] == 20.0


def test_a_detector_that_slips_now_and_then_is_no_fault_of_the_camera():
    assert watch([4.0, 4.0, 150.0] * 30).suspects == ()


def test_a_camera_that_moves_is_noticed_and_forgiven_when_it_is_put_back():
    assert watch([4.0] * 200 + [20.0] * MEMORY).suspects == ('front',)
    assert watch([4.0] * 200 + [20.0] * MEMORY + [4.0] * MEMORY).suspects == ()


def test_what_counts_is_how_far_it_is_off_at_the_hand():
    check = ViewCheck()
    for _ in range(LEAST):
        for name in CAMERAS[:3]:
            check.push(name, 2.0, 0.002)
        check.push('front', 20.0, 0.004)  # a large picture of a near hand
    assert check.suspects == () and check.errors['front'] == 20.0


@pytest.mark.parametrize(
    ('others', 'front', 'suspected'),
    [(4.0, 9.9, False), (4.0, 10.1, True), (1.0, 7.9, False), (1.0, 8.1, True)],
)
def test_a_suspect_is_off_by_eight_millimetres_and_far_more_than_the_others(
    others, front, suspected
):
    assert watch([front] * LEAST, others).suspects == (('front',) if suspected else ())


def test_of_two_cameras_nobody_can_tell_which_is_wrong():
    found = watch([50.0] * LEAST, others=48.0, cameras=('top', 'front'))
    assert found.suspects == () and found.at_odds == ('top', 'front')
    assert watch([50.0] * LEAST, cameras=('top', 'left', 'front')).suspects == ('front',)
    unknown = watch([float('nan')] * LEAST, cameras=('top', 'left', 'front'))
    assert unknown.suspects == () and unknown.errors['front'] != unknown.errors['front']


def test_two_cameras_that_agree_or_are_not_known_yet_are_not_at_odds():
    pair = ('top', 'front')
    assert watch([7.0] * LEAST, others=7.0, cameras=pair).at_odds == ()
    assert watch([50.0] * (LEAST - 1), others=50.0, cameras=pair).at_odds == ()
    assert watch([50.0] * LEAST, others=50.0).at_odds == ()
