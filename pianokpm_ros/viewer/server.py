"""Serve the live view to browsers.

A browser is sent the newest state when it has drawn the one before (it says so): a slow one skips,
never lags, and never makes anybody wait.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from pianokpm_ros.viewer.feed import Feed
from pianokpm_ros.viewer.page_server import HOST, PORT, PageServer, read_request
from pianokpm_ros.viewer.state import ViewState

PERIOD = 1 / 30
"""Shortest time between two updates of one browser [s]."""

CREDIT = 2
"""Updates that may be under way to one browser: one is drawn, one travels."""

Control = Callable[[dict[str, Any]], None]


class ViewServer(PageServer):
    """A thread that serves the view; a context that ends it."""

    def __init__(
        self,
        state: ViewState,
        hello: dict[str, Any],
        host: str = HOST,
        port: int = PORT,
        player: Callable[[], dict[str, Any] | None] = lambda: None,
        control: Control = lambda _: None,
    ) -> None:
        """Set up.

        Args:
            state: to show.
            hello: what a browser is told first.
            host: address to listen at; anything but a loopback address lets others look.
            port: likewise; 0 = any that is free.
            player: tells where the playback of a recording is, None = live.
            control: is told what people ask of the playback; called on the server's thread.
        """
        super().__init__(host, port)
        self._state, self._hello = state, hello
        self._player, self._control = player, control

    async def _converse(self, connection: ServerConnection) -> None:
        """Send one browser what is new, whenever it has drawn what it got before."""
        credit = asyncio.Semaphore(CREDIT)
        listening = asyncio.create_task(self._listen(connection, credit))
        try:
            await connection.send(json.dumps(self._hello))
            feed = Feed(self._state)
            while not listening.done():
                await credit.acquire()
                for part in feed.next(self._player()):
                    await connection.send(part)
                await asyncio.sleep(PERIOD)
        finally:
            listening.cancel()

    async def _listen(self, connection: ServerConnection, credit: asyncio.Semaphore) -> None:
        try:
            async for text in connection:
                self._take(text, credit)
        except ConnectionClosed:
            pass
        finally:
            credit.release()  # whoever waits for it sees that the browser has gone

    def _take(self, text: str | bytes, credit: asyncio.Semaphore) -> None:
        asked = read_request(text)
        if asked is None:
            return
        if 'drawn' in asked:
            credit.release()
        else:
            self._control(asked)
