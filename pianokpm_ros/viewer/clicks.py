"""Serve the page on which people name corners of keys in pictures of their cameras."""

import asyncio
import json
import threading
from typing import Any

import cv2
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from pianokpm_ros.viewer.naming import Naming
from pianokpm_ros.viewer.page_server import HOST, PORT, PageServer, read_request

QUALITY = 95


class ClickServer(PageServer):
    """A thread that serves; one page at a time has the say: the one that was opened last.

    Attributes:
        done: set once people have saved.
    """

    LONGEST = 65536

    def __init__(self, naming: Naming, rig: str, host: str = HOST, port: int = PORT) -> None:
        """Set up.

        Args:
            naming: what is named so far.
            rig: name of the rig file that is to be written afterwards.
            host: address to listen at; anything but a loopback address lets others take part.
            port: likewise; 0 = any that is free.
        """
        pictures = {
            f'/picture/{i}.jpg': cv2.imencode(
                '.jpg', still.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
            )[1].tobytes()
            for i, still in enumerate(naming.stills)
        }
        super().__init__(host, port, '/clicks.html', pictures)
        self._naming, self._rig = naming, rig
        self._speaker: ServerConnection | None = None
        self.done = threading.Event()

    async def _converse(self, connection: ServerConnection) -> None:
        """Answer what one page says until it is closed, or another one is opened."""
        before, self._speaker = self._speaker, connection
        if before is not None:
            await _send(before, {'elsewhere': True})
            await before.close()
        waiting = {s.camera: None for s in self._naming.stills}
        await _send(connection, {**self._naming.describe(), 'rig': self._rig})
        news = asyncio.Event()
        news.set()
        judging = asyncio.create_task(self._judge(connection, waiting, news))
        try:
            async for text in connection:
                if self._speaker is connection:
                    await self._answer_page(connection, text, waiting, news)
        finally:
            judging.cancel()
            if self._speaker is connection:
                self._speaker = None

    async def _answer_page(
        self,
        connection: ServerConnection,
        text: str | bytes,
        waiting: dict[str, Any],
        news: asyncio.Event,
    ) -> None:
        asked = read_request(text)
        if asked is None:
            return
        if asked.get('save'):
            await self._save(connection)
        elif (camera := self._naming.take(asked)) is not None:
            waiting[camera] = asked.get('number')
            await _send(connection, {**self._naming.suggest(camera), 'number': waiting[camera]})
            news.set()

    async def _judge(
        self, connection: ServerConnection, waiting: dict[str, Any], news: asyncio.Event
    ) -> None:
        """Judge what is newest of each camera that waits for it: who clicks quickly is not kept waiting."""
        try:
            while await news.wait():
                news.clear()
                while waiting:
                    camera = next(iter(waiting))
                    number = waiting.pop(camera)
                    told = await asyncio.to_thread(self._naming.judge, camera)
                    await _send(connection, {**told, 'number': number})
        except ConnectionClosed:
            pass

    async def _save(self, connection: ServerConnection) -> None:
        try:
            await asyncio.to_thread(self._naming.save)
        except OSError as error:
            await _send(connection, {'failed': f'{self._naming.path}: {error.strerror}'})
            return
        trouble = await asyncio.to_thread(self._naming.find_trouble)
        await _send(connection, {'saved': self._naming.path.name, 'trouble': trouble})
        self.done.set()


async def _send(connection: ServerConnection, message: dict[str, Any]) -> None:
    await connection.send(json.dumps(message))
