"""Print a board in true size: PDF or PNG with the resolution inside."""

from pathlib import Path

from matplotlib.figure import Figure

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.outputs import whole_file

MILLIMETRES_PER_INCH = 25.4
DPI = 300
MARGIN = 10.0
"""Paper around the board [mm]."""

RULER = 100.0
"""Length of the line to measure after printing [mm]."""

PAPERS = {'a4': (297.0, 210.0), 'a3': (420.0, 297.0), 'letter': (279.4, 215.9)}
"""Width and height, landscape [mm]."""


def write_sheet(board: Board, path: Path | str, paper: str = 'a4') -> None:
    """Write a `.pdf` or `.png` of the board with a ruler to check the print, complete or not at all."""
    path, squares = Path(path), (board.columns, board.rows)
    if path.suffix.lower() not in ('.pdf', '.png'):
        raise CalibrationError(f'asked to write the board to {path}; name a .pdf or a .png')
    if paper not in PAPERS:
        raise CalibrationError(f'asked for the paper {paper!r}; there are {", ".join(PAPERS)}')
    width, height = (n * board.square * 1e3 for n in squares)
    sheet = PAPERS[paper]
    if width + 2 * MARGIN > sheet[0] or height + 3 * MARGIN > sheet[1]:
        fit = min((sheet[0] - 2 * MARGIN) / board.columns, (sheet[1] - 3 * MARGIN) / board.rows)
        raise CalibrationError(
            f'a board of {width:.0f} x {height:.0f} mm does not fit on {paper} '
            f'({sheet[0]:.0f} x {sheet[1]:.0f} mm); take squares of at most {fit:.1f} mm or larger paper'
        )
    figure = _draw(board, width, height, sheet)
    with whole_file(path) as part:
        figure.savefig(part, format=path.suffix[1:].lower(), dpi=DPI)


def _draw(board: Board, width: float, height: float, sheet: tuple[float, float]) -> Figure:
    figure = Figure(figsize=tuple(n / MILLIMETRES_PER_INCH for n in sheet))
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, sheet[0]), ylim=(0, sheet[1]))
    page.axis('off')
    left, bottom = (sheet[0] - width) / 2, (sheet[1] - height + MARGIN) / 2
    page.imshow(
        board.draw(64),
        cmap='gray',
        vmin=0,
        vmax=255,
        extent=(left, left + width, bottom, bottom + height),
        interpolation='none',
        aspect='equal',
    )
    start, y = (sheet[0] - RULER) / 2, bottom - MARGIN
    page.plot([start, start + RULER], [y, y], color='black', lw=0.8)
    for x in (start, start + RULER):
        page.plot([x, x], [y - 1.5, y + 1.5], color='black', lw=0.8)
    kind = ', inverted' if board.inverted else ''
    page.text(
        sheet[0] / 2,
        y - 2.5,
        f'This line is {RULER:.0f} mm long: print at 100 %, measure it, glue the sheet on something '
        f'flat and stiff.  {board.columns} x {board.rows} squares of {board.square * 1e3:g} mm, '
        f'{board.dictionary}{kind}',
        ha='center',
        va='top',
        fontsize=7,
    )
    return figure
