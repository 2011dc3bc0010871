"""The service's server for tests: uvicorn's own looks at the clock ten times a second, and stops as slowly."""

import asyncio
import socket

import uvicorn

from service.edge.drain import Drain
from service.server import DrainingServer

_LOOK_S = 0.002


class PromptServer(DrainingServer):
    """Stops as soon as `told` is set and its connections are closed; it neither logs nor waits in between."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config, drain)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        ticking, told = asyncio.create_task(super().main_loop()), asyncio.create_task(self.told.wait())
        await asyncio.wait([ticking, told], return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()
        told.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What uvicorn does, in its order, with shorter waits."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(self.config.timeout_graceful_shutdown):
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 (no event tells)
                await asyncio.sleep(_LOOK_S)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()
