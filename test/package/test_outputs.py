"""Files and folders are there as a whole or not at all, and what was there before stays until then."""

import pytest

from pianokpm_ros.outputs import whole_file, whole_folder


def write_file(path, text):
    with whole_file(path) as part:
        part.write_text(text)
        return part


def write_folder(path, text):
    with whole_folder(path) as part:
        part.mkdir()
        (part / 'content').write_text(text)
        return part


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize('write', [write_file, write_folder])
def test_it_is_hidden_until_it_is_whole_and_nothing_else_stays(tmp_path, write):
    part = write(tmp_path / 'made.txt', 'new')
    assert any(p.startswith('.') for p in part.relative_to(tmp_path).parts)
    assert names(tmp_path) == ['made.txt'] and not part.exists()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_nothing_and_the_old_file_as_it_was(tmp_path, error):
    for before in ([], ['made.txt']):
        with pytest.raises(error), whole_file(tmp_path / 'made.txt') as part:
            part.write_text('ha')
            raise error
        assert names(tmp_path) == before
        (tmp_path / 'made.txt').write_text('old')
    assert (tmp_path / 'made.txt').read_text() == 'old'
    write_file(tmp_path / 'made.txt', 'new')
    assert (tmp_path / 'made.txt').read_text() == 'new'


def test_the_writers_own_error_is_told_where_nothing_could_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match='no/.made.part'):
        write_file(tmp_path / 'no' / 'made', 'new')
    with pytest.raises(IsADirectoryError):
        (tmp_path / 'made').mkdir()
        write_file(tmp_path / 'made', 'new')
    assert names(tmp_path) == ['made']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_folder_that_is_not_finished_leaves_nothing_and_the_old_one_as_it_was(tmp_path, error):
    write_folder(tmp_path / 'made', 'old')
    with pytest.raises(error), whole_folder(tmp_path / 'made') as part:
        part.mkdir()
        raise error
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / 'made'):
        pass  # the folder was not made: the old one had been moved away for it
    assert names(tmp_path) == ['made'] and (tmp_path / 'made' / 'content').read_text() == 'old'
    write_folder(tmp_path / 'made', 'new')
    assert names(tmp_path) == ['made'] and (tmp_path / 'made' / 'content').read_text() == 'new'


def test_a_folder_takes_what_a_killed_run_left_away(tmp_path):
    (tmp_path / 'a' / '.made.part' / 'made').mkdir(parents=True)
    (tmp_path / 'a' / '.made.part' / 'made' / 'half').write_text('half')
    write_folder(tmp_path / 'a' / 'made', 'new')
    assert names(tmp_path / 'a') == ['made'] and names(tmp_path / 'a' / 'made') == ['content']
