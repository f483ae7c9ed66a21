"""A report on how plausible the virtual pianists are, with published figures beside ours."""

from collections.abc import Callable
from pathlib import Path

from pianokpm_training.simulation.make import Order, read_order
from pianokpm_training.simulation.report import tables
from pianokpm_training.simulation.report.gather import gather
from pianokpm_training.simulation.report.page import write_page

from pianokpm_ros.outputs import whole_file

PAGE = 'report.html'
MAKERS = (
    tables.player_table,
    tables.torque_table,
    tables.saturation_table,
    tables.strike_table,
    tables.emg_table,
    tables.ceiling_table,
    tables.variant_table,
)


def write_report(
    folder: Path,
    order: Order,
    workers: int | None = None,
    report: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Path, list[tables.Table]]:
    """Simulate the first takes of an order, measure them and write a page.

    Args:
        folder: where; if it is a simulated data set's, the report is on its takes.
        order: what is simulated otherwise.
        workers: processes; None uses all cores.
        report: is told how many takes are done, and of how many.
    """
    folder = Path(folder)
    found = gather(read_order(folder) or order, workers, report)
    made = [make(found) for make in MAKERS]
    text = write_page(found, made)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / PAGE) as part:
        part.write_text(text)
    return folder / PAGE, made
