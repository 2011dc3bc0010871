"""Run the service: load the models in the main thread, then serve until told to stop; nothing is left behind."""

import signal
import sys
from types import FrameType

import uvicorn

from service.app import create_app, start_parts
from service.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let requests in flight end, stop the engines and return.

    Models are loaded before the event loop starts: a signal during the load must reach this process, and the
    engines' children die with the thread that made them.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    parts = start_parts(settings)
    app = create_app(settings, parts.engine, parts.scorers, parts.fusors)
    config = uvicorn.Config(
        app,
        host=settings.server.host,
        port=settings.server.port,
        log_level=settings.server.log_level,
        server_header=False,
        timeout_graceful_shutdown=round(settings.server.drain_timeout_s),
    )
    uvicorn.Server(config).run()


def _stop(number: int, frame: FrameType | None) -> None:
    """Unwind the stack, so that engines half loaded are shut down; a stop that was asked for is no failure."""
    sys.exit(0)
