"""A bare connection to a service, to say what no HTTP library would."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(slots=True)
class Connection:
    """What is written goes out as it is; `rest` is everything that comes back until the other side closes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self, within_s: float = 5.0) -> bytes:
        received = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(within_s):
                while data := await self.reader.read(65_536):
                    received += data
        return received

    async def closed_after_s(self) -> float:
        """Seconds until the other side closes."""
        began = time.monotonic()
        await self.rest()
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
