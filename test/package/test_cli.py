"""The command as a whole: what it says when it is asked for nothing, or for places that can't be."""

import errno
import os
import signal

import pytest

from pianokpm_ros.cli import COMMANDS, check_names, end_cleanly, main
from pianokpm_ros.commands.up import stop_on_signals
from pianokpm_ros.errors import PianokpmError

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in ENDS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('listen', [end_cleanly, stop_on_signals])
def test_nohup_keeps_a_command_alive(handlers, listen):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    listen()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert callable(signal.getsignal(signal.SIGTERM))


def test_without_a_command_it_tells_them_all(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert all(f'    {name}' in said for name in COMMANDS)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['calibrate', '--board', '/no/such/board.pdf'], 'board.pdf'),
        (['calibrate', 'top=x.mp4', '-o', '/no/such/rig.yaml'], '/no/such/rig.yaml'),
        (['estimate', __file__], 'name an MP4'),
        (['replay', __file__], 'name a bag folder'),
        (['recover', '/no/such/bag'], 'name a bag folder'),
    ],
)
def test_what_can_not_be_is_said_with_what_to_do(words, said, capsys):
    assert main(words) == 1
    error = capsys.readouterr().err
    assert said in error and error.startswith(f'pianokpm {words[0]}: ')
    assert 'Traceback' not in error


def test_names_that_are_no_utf8_are_refused(capsys):
    assert main(['estimate', os.fsdecode(b'fl\xfcgel.mp4')]) == 1
    assert r'asked for fl\xfcgel.mp4, which is no UTF-8; give' in capsys.readouterr().err


@pytest.mark.parametrize('encoding', ['ascii', 'iso8859-1'])
def test_a_locale_without_utf8_is_named_where_names_need_it(encoding):
    check_names(['estimate', 'wing.mp4'], encoding)
    check_names(['estimate', 'flügel.mp4'], 'utf-8')
    with pytest.raises(PianokpmError, match=f"'flügel.mp4', but the locale .* {encoding}; set a"):
        check_names(['estimate', 'flügel.mp4'], encoding)


@pytest.mark.parametrize('words', [['view', '--port', '65536'], ['demo', '--view', 'x']])
def test_ports_that_do_not_exist_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2 and '1 to 65535' in capsys.readouterr().err


def test_a_full_disk_is_named(monkeypatch, capsys, tmp_path):
    full = OSError(errno.ENOSPC, 'No space left on device')  # of a write: without a file's name
    monkeypatch.setattr('pianokpm_ros.commands.calibrate.write_sheet', raise_it(full))
    assert main(['calibrate', '--board', str(tmp_path / 'b.pdf')]) == 1
    assert 'the disk is full; make room' in capsys.readouterr().err


def raise_it(error):
    def fail(*_):
        raise error

    return fail
