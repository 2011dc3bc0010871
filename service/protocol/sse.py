"""Server-sent events as OpenAI's clients read them: `data:` lines only, comments to keep the line alive."""

import orjson

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(data: object) -> bytes:
    """One chunk."""
    return b"data: " + orjson.dumps(data) + b"\n\n"
