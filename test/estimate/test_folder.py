import pytest

from pianokpm_ros.offline.folder import FolderError, result_folder


def fill(path, text, replace=False):
    with result_folder(path, replace) as folder:
        (folder / 'summary.json').write_text(text)


def test_a_result_appears_at_the_end_and_whole(tmp_path):
    with result_folder(tmp_path / 'a' / 'b') as folder:
        (folder / 'summary.json').write_text('1')
        assert not (tmp_path / 'a' / 'b').exists()
    assert (tmp_path / 'a' / 'b' / 'summary.json').read_text() == '1'
    assert [p.name for p in (tmp_path / 'a').iterdir()] == ['b']


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
def test_an_error_or_ctrl_c_leaves_nothing_and_an_older_result_as_it_was(tmp_path, error):
    fill(tmp_path / 'r', 'old')
    with pytest.raises(error):
        with result_folder(tmp_path / 'r', replace=True) as folder:
            (folder / 'summary.json').write_text('new')
            raise error
    assert [p.name for p in tmp_path.iterdir()] == ['r']
    assert (tmp_path / 'r' / 'summary.json').read_text() == 'old'


def test_a_result_is_replaced_only_when_told(tmp_path):
    fill(tmp_path / 'r', 'old')
    with pytest.raises(FolderError, match='exists.*--replace'):
        fill(tmp_path / 'r', 'new')
    fill(tmp_path / 'r', 'new', replace=True)
    assert (tmp_path / 'r' / 'summary.json').read_text() == 'new'
    assert [p.name for p in tmp_path.iterdir()] == ['r']


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    (tmp_path / 'home').mkdir()
    (tmp_path / 'home' / 'thesis.txt').write_text('years of work')
    with pytest.raises(FolderError, match='no result of an earlier run'):
        fill(tmp_path / 'home', 'new', replace=True)
    assert (tmp_path / 'home' / 'thesis.txt').exists()


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    (tmp_path / '.r.part').mkdir()
    (tmp_path / '.r.part' / 'half.mp4').write_text('half')
    fill(tmp_path / 'r', 'whole')
    assert [p.name for p in (tmp_path / 'r').iterdir()] == ['summary.json']


def test_a_place_that_can_not_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(FolderError, match='choose another place'):
        fill(tmp_path / 'file' / 'r', 'new')
