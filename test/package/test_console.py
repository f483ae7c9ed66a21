import io

from pianokpm_ros.commands.console import make_console


def test_brackets_are_no_markup():
    """A folder called [a] stays in the text, and [/dev/video0] in a warning ends nothing."""
    file = io.StringIO()
    console = make_console(file=file, width=200)
    console.print('in [a]: [/dev/video0] broke off', style='yellow')
    assert file.getvalue() == 'in [a]: [/dev/video0] broke off\n'
