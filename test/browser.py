"""A real headless Chromium for tests of pages; they skip where none is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')


def find_browser() -> str:
    """Return the browser's path, or skip the test."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip('needs a headless browser: none of ' + ', '.join(BROWSERS) + ' is installed')
    return found


def start_arguments(profile: Path) -> list[str]:
    """Return the command that starts it with a profile of its own, which reaches this machine only."""
    return [
        find_browser(),
        '--headless',
        *(['--no-sandbox'] if os.geteuid() == 0 else []),
        '--disable-gpu',
        '--enable-unsafe-swiftshader',
        '--hide-scrollbars',
        '--no-first-run',
        '--disable-background-networking',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
        f'--user-data-dir={profile}',
    ]


def run_browser(profile: Path, url: str, *options: str, timeout: float = 180.0) -> str:
    """Open a page, wait until it is done; returns what was asked to be printed, such as `--dump-dom`."""
    command = [*start_arguments(profile), *options, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
