"""Drive a headless Chromium over its DevTools protocol: open a page, ask it things, take pictures of it."""

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from test.browser import start_arguments

START_LIMIT = 90.0


class Tab:
    """One page in a browser of its own; a context that ends the browser."""

    def __init__(
        self, profile: Path, width: int = 1280, height: int = 800, dark: bool = True, *options: str
    ) -> None:
        """Start the browser.

        Args:
            profile: new folder for what the browser writes.
            width: of the page [px].
            height: likewise.
            dark: prefer dark colours.
            options: of the browser, on top of the usual ones.
        """
        words = [*options, '--remote-debugging-port=0', '--remote-allow-origins=*', 'about:blank']
        self._process = subprocess.Popen(
            [*start_arguments(profile), *words],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._number = 0
        self._connection = self._find_page(profile / 'DevToolsActivePort')
        self.call('Page.enable')
        self.call('Runtime.enable')
        self.resize(width, height)
        scheme = {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}
        self.call('Emulation.setEmulatedMedia', features=[scheme])

    def _find_page(self, file: Path) -> ClientConnection:
        end = time.monotonic() + START_LIMIT
        while not (file.exists() and file.read_text().count('\n')):
            assert time.monotonic() < end, 'the browser did not start'
            time.sleep(0.05)
        port, path = file.read_text().split('\n')[:2]
        browser = f'ws://127.0.0.1:{port}'
        self._connection = connect(browser + path, max_size=None, compression=None)
        pages = self.call('Target.getTargets')['targetInfos']
        page = next(p['targetId'] for p in pages if p['type'] == 'page')
        self._connection.close()
        return connect(f'{browser}/devtools/page/{page}', max_size=None, compression=None)

    def resize(self, width: int, height: int, scale: float = 1.0, mobile: bool = False) -> None:
        """Set the size of the page [px]."""
        self.call(
            'Emulation.setDeviceMetricsOverride',
            width=width, height=height, deviceScaleFactor=scale, mobile=mobile,
        )  # fmt: skip

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._number += 1
        self._connection.send(
            json.dumps({'id': self._number, 'method': method, 'params': parameters})
        )
        while True:
            answer = json.loads(self._connection.recv(timeout=60))
            if answer.get('id') == self._number:
                assert 'error' not in answer, answer
                return answer['result']

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call('Page.navigate', url=url)

    def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        found = self.call(
            'Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True
        )
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def wait(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        careful = (
            f'(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()'
        )
        while not self.ask(careful):
            assert time.monotonic() < end, f'not true in {seconds:g} s: {expression}'
            time.sleep(0.1)

    def picture(self, kind: str = 'png', quality: int = 85) -> bytes:
        """Return a picture of what is seen: `png`, `webp` or `jpeg`."""
        options = {} if kind == 'png' else {'quality': quality}
        return base64.b64decode(
            self.call('Page.captureScreenshot', format=kind, **options)['data']
        )

    def __enter__(self) -> 'Tab':
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(60)
