"""Ask a running service one question, as the command line does."""

from collections.abc import Mapping
from typing import Any

import httpx


class AskFailed(RuntimeError):
    """The service answered with an error; the message is the service's own."""


def ask(
    url: str,
    prompt: str,
    strategy: Mapping[str, Any],
    *,
    model: str | None = None,
    temperature: float = 0.8,
    max_tokens: int | None = None,
) -> dict[str, Any]:
    """The ChatCompletion for one user message, with everything the service tells about its choice."""
    with httpx.Client(base_url=url, timeout=600) as http:
        body: dict[str, Any] = {
            "model": model or _checked(http.get("/v1/models"))["data"][0]["id"],
            "messages": [{"role": "user", "content": prompt}],
            "strategy": {"explain": "full", **strategy},
            "temperature": temperature,
        }
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        return _checked(http.post("/v1/chat/completions", json=body))


def _checked(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise AskFailed(f"{response.status_code}: {_message(response)}")
    body: dict[str, Any] = response.json()
    return body


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:500]
