"""Server-sent events as OpenAI's clients read them: `data:` lines only, comments to keep the line alive."""

import json

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(data: object) -> bytes:
    """One chunk; ValueError for what JSON has no word for, as infinity, rather than a null in its place."""
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return b"data: " + written.encode() + b"\n\n"
