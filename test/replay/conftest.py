import pytest

from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.shares import find_asset

from ..session import make_session


@pytest.fixture(scope='session')
def session(tmp_path_factory):
    return make_session(tmp_path_factory.mktemp('session') / 'bag', seconds=4.0)


@pytest.fixture(scope='session')
def bundle():
    return load_bundle(find_asset('models/small'))
