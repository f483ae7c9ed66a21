"""Fixtures for all areas."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .domains import reserve_domain
from .lateness import Lateness

# A busy machine is no failure.
settings.register_profile('patient', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('patient')

# Shells start background jobs with SIGINT ignored, which children inherit: theirs is tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
TIMED = (
    'test/calibration/test_calibrate_command', 'test/capture', 'test/client', 'test/demo', 'test/emg_input',
    'test/examples', 'test/keyboard_live', 'test/launch', 'test/nodes', 'test/protocol', 'test/recording',
    'test/replay', 'test/viewer',
)  # fmt: skip
"""Tests of graphs, cameras and streams that keep time: no two of them at once, however many processes there are."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Deal out to processes: all that keeps time to one, of the rest each folder, whose tests share fixtures."""
    from xdist.scheduler import LoadScopeScheduling

    class FolderScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return (
                'timed'
                if nodeid.startswith(TIMED)
                else nodeid.partition('::')[0].rpartition('/')[0]
            )

    return FolderScheduling(config, log)


@pytest.fixture(scope='session')
def root() -> Path:
    """Return the top of the source tree."""
    return ROOT


@pytest.fixture(scope='module', autouse=True)
def own_domain():
    """Keep the graphs of one file apart from all others, and all of them on this machine."""
    with reserve_domain() as number, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(number))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        yield


@pytest.fixture
def lateness():
    """Measure during a test how late this machine is."""
    with Lateness() as made:
        yield made


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of public recordings beside the project, where there is one."""
    folder = ROOT.parent / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('the public recordings of ../shared/data are not on this machine')
    return folder
