"""Server-sent events as OpenAI's clients read them: `data:` lines only, comments to keep the line alive."""

import json
from typing import Final

HEADERS: Final = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""What keeps a proxy from storing a stream, and nginx from holding it back until it is whole."""

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(data: object) -> bytes:
    """One chunk; ValueError for what JSON has no word for, as infinity, rather than a null in its place."""
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return b"data: " + written.encode() + b"\n\n"
