import pytest
from pianokpm_training.sessions.building import BuildSettings, build_data

from ..session import make_session


@pytest.fixture(scope='session')
def session(tmp_path_factory):
    return make_session(tmp_path_factory.mktemp('session') / 'bag', seconds=8.0)


@pytest.fixture(scope='session')
def data(session, tmp_path_factory):
    made, _ = build_data([session.bag], tmp_path_factory.mktemp('data') / 'set', BuildSettings())
    return made
