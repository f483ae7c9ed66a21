"""`pianokpm report`: one HTML file about a recording, or about two performances of a piece."""

import argparse
from pathlib import Path

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.outputs import check_output, whole_file
from pianokpm_ros.report.comparison import compare
from pianokpm_ros.report.page import write_page
from pianokpm_ros.report.recording import ReportError, load_recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        'recording', type=Path, help='a bag, a result of `pianokpm estimate`, or a take'
    )
    parser.add_argument(
        '--compare', type=Path, metavar='OTHER', help='another performance of the same piece'
    )
    parser.add_argument(
        '-o', '--output', type=Path, help='file to write (default: <recording>_report.html, here)'
    )
    parser.add_argument('--replace', action='store_true', help='write over an existing file')


def run(arguments: argparse.Namespace) -> int:
    """Read, compare, write."""
    name = arguments.recording.resolve()
    output = arguments.output or Path(f'{name.stem}_report.html')
    if not output.suffix:  # or a browser would show it as text
        output = output.with_name(f'{output.name}.html')
    check_output(output, arguments.replace)
    console = make_console(stderr=True)
    with console.status('reading') as status:
        first = load_recording(arguments.recording)
        second = load_recording(arguments.compare) if arguments.compare else None
        status.update('writing')
        comparison = compare(first, second) if second else None
        page = write_page(first, second, comparison)
        try:
            with whole_file(output) as part:
                part.write_text(page, encoding='utf-8')
        except OSError as error:
            raise ReportError(
                f'asked to write {output}: {error.strerror}; choose another place'
            ) from error
    print(f'{output} ({output.stat().st_size / 1e6:.1f} MB): open it in a browser')
    return 0
