"""The command as a whole: what it says when it is asked for nothing, or for places that can't be."""

import pytest

from pianokpm_ros.cli import COMMANDS, main


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


@pytest.mark.parametrize('words', [['view', '--port', '65536'], ['demo', '--view', 'x']])
def test_ports_that_do_not_exist_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2 and '1 to 65535' in capsys.readouterr().err
