"""Serve a page to browsers: its files and one websocket each, on this machine unless asked.

Other web pages can't listen or speak: a browser names where a page came from, and only this server's own page is
answered.
"""

import asyncio
import ipaddress
import json
import logging
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from pianokpm_ros.errors import PianokpmError

HOST, PORT = '127.0.0.1', 8090
PAGE = Path(__file__).parent / 'page'
SOCKET = '/live'
KINDS = {
    '.html': 'text/html; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.svg': 'image/svg+xml',
}
POLICY = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"
MOST_VIEWERS = 16
LOOPBACK = ('localhost', '127.0.0.1', '::1')
START_TIMEOUT = 5.0


class ViewerError(PianokpmError, RuntimeError):
    """The view can't be shown."""


class PageServer:
    """A thread that serves; a context that ends it. What is said on the websockets is up to `_converse`.

    Attributes:
        port: that it listens at.
        viewers: browsers that are connected.
    """

    LONGEST = 4096
    """Longest message of a browser [bytes]."""

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        start: str = '/index.html',
        pictures: Mapping[str, bytes] | None = None,
    ) -> None:
        """Set up.

        Args:
            host: address to listen at; anything but a loopback address lets others look.
            port: likewise; 0 = any that is free.
            start: the file that stands for the address without a path.
            pictures: JPEGs that are served beside the page's files, by path.
        """
        self._host, self._asked, self._start = host, port, start
        self._pictures = dict(pictures or {})
        self._files = {f'/{p.relative_to(PAGE).as_posix()}': p for p in PAGE.rglob('*')}
        self._loop = asyncio.new_event_loop()
        self._ready, self._error = threading.Event(), ''
        self._thread = threading.Thread(target=self._run, name='view server', daemon=True)
        self.port = port
        self.viewers = 0

    @property
    def url(self) -> str:
        """Where to look."""
        host = LOOPBACK[1] if self._host in ('0.0.0.0', '::', '') else self._host
        return f'http://{f"[{host}]" if ":" in host else host}:{self.port}/'

    @property
    def invitation(self) -> str:
        """Where to look, and who can."""
        beyond = '' if self._host in LOOPBACK else '; everybody who reaches this machine can look'
        return f'look at {self.url}{beyond}'

    def __enter__(self) -> 'PageServer':
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT) or self._error:
            raise ViewerError(
                f'asked to show the view at {self._host}:{self._asked}: {self._error or "no answer"}; '
                'choose another --port or --host'
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(START_TIMEOUT)

    def _run(self) -> None:
        self._end = asyncio.Event()
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        try:
            made = serve(
                self._talk,
                self._host,
                self._asked,
                process_request=self._answer,
                compression=None,
                max_size=self.LONGEST,
                write_limit=65536,
                logger=_silent_logger(),
            )
            async with made as server:
                self.port = _port_of(server)
                self._ready.set()
                await self._end.wait()
        except OSError as error:
            self._error = error.strerror or str(error)
            self._ready.set()

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        """Serve a file of the page; None = go on to the websocket."""
        if not self._is_ours(request.headers):
            return _respond(HTTPStatus.FORBIDDEN, b'not this page, not this name\n')
        path = urlsplit(request.path).path
        if path == SOCKET:
            full = self.viewers >= MOST_VIEWERS
            return (
                _respond(HTTPStatus.SERVICE_UNAVAILABLE, b'too many viewers\n') if full else None
            )
        if path in self._pictures:
            return _respond(HTTPStatus.OK, self._pictures[path], 'image/jpeg')
        file = self._files.get(self._start if path == '/' else path)
        if file is None or file.suffix not in KINDS:
            return _respond(HTTPStatus.NOT_FOUND, b'no such file\n')
        return _respond(HTTPStatus.OK, file.read_bytes(), KINDS[file.suffix])

    def _is_ours(self, headers: Headers) -> bool:
        """Tell whether a request names this server and comes from its own page, against rebound names."""
        host, origin = headers.get('Host', ''), headers.get('Origin')
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        name = urlsplit(f'//{host}').hostname or ''
        if name in (*LOOPBACK, self._host):
            return True
        return self._host not in LOOPBACK and (_is_address(name) or name == socket.gethostname())

    async def _talk(self, connection: ServerConnection) -> None:
        self.viewers += 1
        try:
            await self._converse(connection)
        except ConnectionClosed:
            pass
        finally:
            self.viewers -= 1

    async def _converse(self, connection: ServerConnection) -> None:
        """Talk to one browser until it has gone."""
        raise NotImplementedError


def read_request(text: str | bytes) -> dict[str, Any] | None:
    """Return what a browser asks for; None where it makes no sense."""
    try:
        asked = json.loads(text)
    except ValueError:
        return None
    return asked if isinstance(asked, dict) else None


def _silent_logger() -> logging.Logger:
    """Return a logger for what browsers do all the time, such as opening connections that they don't use."""
    made = logging.getLogger(f'{__name__}.socket')
    made.setLevel(logging.CRITICAL)
    return made


def _port_of(server: Server) -> int:
    return next(iter(server.sockets)).getsockname()[1]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _respond(status: HTTPStatus, body: bytes, kind: str = 'text/plain; charset=utf-8') -> Response:
    headers = Headers(
        {
            'Content-Type': kind,
            'Content-Length': str(len(body)),
            'Cache-Control': 'no-cache',
            'Content-Security-Policy': POLICY,
            'X-Content-Type-Options': 'nosniff',
            'Referrer-Policy': 'no-referrer',
            'Connection': 'close',
        }
    )
    return Response(status.value, status.phrase, headers, body)
