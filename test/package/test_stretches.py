import numpy as np

from pianokpm_ros.stretches import find_stretches, finite_stretches


def test_stretches_are_found_up_to_both_ends():
    assert find_stretches([True, False, True, True]) == [(0, 1), (2, 4)]
    assert find_stretches(np.zeros(3, bool)) == find_stretches([]) == []
    values = np.array([1.0, np.nan, 2.0, 3.0, np.inf])
    assert finite_stretches(values) == [(0, 1), (2, 4)]
    assert finite_stretches(values, 2) == [(2, 4)]
