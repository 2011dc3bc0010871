"""HTTP by hand, one connection a request: cheap enough for thousands at once, and free to misbehave."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and after how many seconds; status 0 where the connection broke first."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of the error, if it is one."""
        return self.json["error"]["code"] if self.status >= 400 else None


def chat(content: str, **fields: Any) -> dict[str, Any]:
    """A chat request; `model` is put in where it is sent."""
    return {"messages": [{"role": "user", "content": content}], "max_tokens": 64} | fields


def request_bytes(
    method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> bytes:
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close"]
    lines += [f"content-length: {len(payload)}", "content-type: application/json"] if payload else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def send(
    port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """One request to its end."""
    begun = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return Reply(0, {}, b"", time.monotonic() - begun)
    try:
        writer.write(request_bytes(method, path, body, headers))
        answer = await reader.read(-1)
    except OSError:
        answer = b""
    finally:
        writer.close()
    return _parsed(answer, time.monotonic() - begun)


def _parsed(answer: bytes, seconds: float) -> Reply:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return Reply(0, {}, answer, seconds)
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    whole = _unchunked(body) if headers.get("transfer-encoding") == "chunked" else body
    return Reply(int(status.split()[1]), headers, whole, seconds)


def _unchunked(body: bytes) -> bytes:
    parts, rest = [], body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not (length := int(size or b"0", 16)):
            break
        parts.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(parts)
