"""Run the service: load the models in the main thread, then serve until told to stop; nothing is left behind."""

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.app import Parts, create_app, start_parts
from service.edge.drain import Drain
from service.edge.http_protocol import bounded_protocol
from service.observability.logs import configure_logging
from service.observability.tracing import start_tracing
from service.settings import Settings
from strategies.base.errors import StartError

log = logging.getLogger(__name__)

_FLUSH_S = 5
"""Seconds that replies already written get to reach their clients before the connections are cut."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let requests in flight end, stop the engines and return.

    It stops in the same way, but with exit code 1, where an engine failed more often than its restart budget allows.
    Models are loaded before the event loop starts: a signal during the load must reach this process, and the
    engines' children die with the thread that made them.
    """
    check_address(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    configure_logging(settings.server.log_format, settings.server.log_level)
    tracing = start_tracing(settings.server.traces_endpoint)
    parts = start_parts(settings)
    spare_the_loop()
    app = create_app(settings, parts.engine, parts.scorers, parts.fusors, parts.supervision, tracing)
    if not settings.keys:
        log.warning(
            "no API keys are configured: whoever reaches %s may use the service", settings.server.host
        )
    drain = app.state.service.drain
    parts.supervision.on_exhausted = drain.begin
    DrainingServer(uvicorn_config(app, settings), drain, parts).run()
    if parts.supervision.exhausted:
        sys.exit(1)


def check_address(settings: Settings) -> None:
    """Before anything is loaded: StartError for a port in use, or for an open address without keys."""
    server = settings.server
    if not settings.keys and not server.allow_unauthenticated and not _is_loopback(server.host):
        raise StartError(
            f"server.host {server.host} is reached by others and no keys are configured: add `keys`, listen on "
            "127.0.0.1, or set server.allow_unauthenticated"
        )
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StartError(f"server.host {server.host}, server.port {server.port}: {reason}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def spare_the_loop() -> None:
    """Keep the garbage collector from standing in the event loop's way.

    A full collection walks every object alive, and vLLM's modules alone are a million: what is there before the first
    request is never looked at again, and full collections become rare. With 2,000 requests in flight the loop then
    stood still for 22 ms at most (`make chaos`, two cores).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 100)


def uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application: on the protocol with our limits, and HTTP alone."""
    return uvicorn.Config(
        app,
        host=settings.server.host,
        port=settings.server.port,
        log_level=settings.server.log_level,
        # Its lines go where ours go, and one of ours tells each request.
        log_config=None,
        access_log=False,
        http=bounded_protocol(settings.limits),
        ws="none",
        server_header=False,
        timeout_keep_alive=settings.limits.keep_alive_s,
        timeout_graceful_shutdown=_FLUSH_S,
    )


class DrainingServer(uvicorn.Server):
    """Told to stop, it first refuses what is new with 503, and closes the port when what was in flight has ended."""

    def __init__(self, config: uvicorn.Config, drain: Drain, parts: Parts | None = None) -> None:
        super().__init__(config)
        self._drain = drain
        self._parts = parts
        self._signals = 0

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve once every scorer has told a right answer from a wrong one; ScorerLoadError if one cannot.

        They are asked here because an engine belongs to the event loop that first asked it.
        """
        if self._parts is not None:
            await _check(self._parts)
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains; a second one ends the process, and its engines with it, as if nobody handled it."""
        self._signals += 1
        if self._signals > 1:
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        if self._drain.is_over():
            self._drain.cut_off()
            self.should_exit = True
        return await super().on_tick(counter)


async def _check(parts: Parts) -> None:
    try:
        await parts.scorers.check_order()
    except BaseException:
        fusors = [fusor.aclose() for fusor in parts.fusors.values()]
        await asyncio.gather(parts.engine.aclose(), parts.scorers.aclose(), *fusors)
        raise


def _stop(number: int, frame: FrameType | None) -> None:
    """Unwind the stack, so that engines half loaded are shut down; a stop that was asked for is no failure."""
    sys.exit(0)
