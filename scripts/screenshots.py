"""Take the pictures of docs/pictures/: the live view during the demo, on a phone, and the report, in headless Chromium.

Usage: make screenshots, or: python scripts/screenshots.py [--out FOLDER] [--demo RESULT]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from test.client.live import child_environment
from test.devtools import Tab

ROOT = Path(__file__).resolve().parents[1]
PORT = 8095
PHONE = (390, 844)
DESK = (1280, 860)
MOMENT = 5.8
"""Of the demo's take at which the view is looked at [s]: both hands have played by then."""

LIMIT = 900.0
"""Longest time that the demo may take on a slow machine [s]."""

MOST_BYTES = 300_000


def main() -> int:
    """Take all pictures; 1 where one is larger than it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=ROOT / 'docs' / 'pictures')
    parser.add_argument(
        '--demo', type=Path, help='result of `pianokpm demo` to use for the still ones'
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        made = list(take_pictures(Path(folder), arguments.demo))
    for name, data in made:
        (arguments.out / name).write_bytes(data)
        console.print(f'{arguments.out / name}: {len(data) / 1e3:.0f} kB')
    return int(any(len(data) > MOST_BYTES for _, data in made))


def take_pictures(folder: Path, result: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, WebP) of each picture."""
    if result is None:
        result = folder / 'demo'
        yield 'view_live.webp', picture_demo(folder, result)
    yield from picture_recording(folder, result)
    yield from picture_report(folder, result)


def picture_demo(folder: Path, result: Path) -> bytes:
    """Run the demo with a browser at its live view; returns what is seen at the moment."""
    command = ['demo', '--view', str(PORT), '--no-video', '--out', str(result)]
    with run_command(command) as demo, Tab(folder / 'live', *DESK) as tab:
        open_view(tab)
        tab.wait(f'Number(document.documentElement.dataset.now) > {MOMENT}', LIMIT)
        picture = tab.picture('webp')
        tab.open('about:blank')
        if demo.wait(LIMIT):
            raise SystemExit('the demo failed; its lines above say why')
    return picture


def picture_recording(folder: Path, result: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the view of the recording in light colours and on a phone."""
    command = ['view', str(result), '--port', str(PORT), '--paused']
    with run_command(command):
        for name, size, dark in (('view_light', DESK, False), ('view_phone', PHONE, True)):
            with Tab(folder / name, *size, dark=dark) as tab:
                tab.resize(*size, scale=1 if size == DESK else 2, mobile=size == PHONE)
                open_view(tab)
                seek(tab)
                yield f'{name}.webp', tab.picture('webp')


def seek(tab: Tab) -> None:
    """Go to the first moment at which both hands are known."""
    for step in range(20):
        moment = MOMENT + 0.1 * step
        tab.ask(f'seek.value = {moment}; seek.dispatchEvent(new Event("change")); 0')
        tab.wait(f'Number(document.documentElement.dataset.now) > {moment - 1}', 60)
        time.sleep(5)  # until the past is there and hands have moved
        if tab.ask('document.querySelectorAll(".facts .OK").length') == 2:
            return
    raise SystemExit(f'both hands are never known after {MOMENT:g} s of the demo')


def picture_report(folder: Path, result: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the top of the report."""
    page = folder / 'report.html'
    with run_command(['report', str(result), '-o', str(page)]) as report:
        report.wait(LIMIT)
    with Tab(folder / 'report', 1100, 1300, dark=False) as tab:
        tab.open(page.as_uri())
        tab.wait('document.readyState == "complete" && document.querySelector("svg")')
        time.sleep(1)
        yield 'report.webp', tab.picture('webp')


def open_view(tab: Tab) -> None:
    """Go to the view, as soon as it is served."""
    end = time.monotonic() + 120
    while True:
        tab.open(f'http://127.0.0.1:{PORT}/')
        time.sleep(1)
        if tab.ask('location.protocol') == 'http:' and tab.ask('document.title').startswith(
            'pianokpm'
        ):
            break
        if time.monotonic() > end:
            raise SystemExit('nothing is served; the lines above say why')
    tab.wait('Number(document.documentElement.dataset.drawn) > 2', 120)


@contextmanager
def run_command(words: list[str]) -> Iterator[subprocess.Popen]:
    """Run a command of the package, interrupted at the end where it still runs."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'pianokpm_ros.cli', *words], env=child_environment()
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(2)
            process.wait(30)


if __name__ == '__main__':
    sys.exit(main())
