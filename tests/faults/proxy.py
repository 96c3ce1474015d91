"""A TCP proxy on loopback that delays, drops and cuts what passes, and can swallow the answer to a COMMIT."""

import asyncio
import contextlib
import threading
from typing import Self

from tests.harness.process import LOOPBACK, free_port

_CHUNK = 65_536
_COMMIT = b"COMMIT"


class Proxy:
    """Passes bytes on to one address; its ways may be changed from any thread while it runs.

    `delay_s`: how long each piece waits. `mute`: pieces are taken and never passed on. `down`: nobody gets in.
    `swallow`: so many more answers to a COMMIT are lost: it reaches the server, and then the connection is cut.
    """

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self.mute = False
        self.down = False
        self.swallow = 0
        self.swallowed = 0
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self) -> None:
        """End every connection there is, without a word."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        try:
            there, beyond = await asyncio.open_connection(LOOPBACK, self._to)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, beyond}
        self._writers |= pair
        try:
            # Cancelled when the proxy ends.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(self._pass(reader, beyond, pair), self._pass(there, writer, None))
        finally:
            self._writers -= pair
            for one in pair:
                one.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: set[asyncio.StreamWriter] | None
    ) -> None:
        """One direction; `pair`: both ends, where this is the way to the server."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.mute:
                    continue
                writer.write(piece)
                await writer.drain()
                if pair is not None and self.swallow > 0 and _COMMIT in piece:
                    self.swallow -= 1
                    self.swallowed += 1
                    for one in pair:
                        if one is not writer:
                            one.transport.abort()
                    # The server gets to read it before it learns that nobody listens.
                    await asyncio.sleep(0.2)
                    return
            writer.close()
