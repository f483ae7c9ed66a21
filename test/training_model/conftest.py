import pytest

from pianokpm_ros.anatomy import Side

from .makers import make_data, make_recording


@pytest.fixture(scope='session')
def recording():
    """Twelve seconds of a right hand."""
    return make_recording('s09', 'scales', Side.RIGHT, 12.0)


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """Three persons, two tasks, both hands, eight seconds each."""
    return make_data(tmp_path_factory.mktemp('data') / 'set')
