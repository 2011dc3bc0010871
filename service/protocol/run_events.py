"""The events of a run, as `GET /v1/runs/{id}/events` sends them."""

from typing import Literal

from pydantic import BaseModel

from service.protocol.errors import ErrorObject


class RunEvent(BaseModel):
    """One thing that happened in a request; keys that have no meaning for a type are left out.

    `done` of `total` candidates have ended, `tokens` were generated so far; the last event, `finished` or `failed`, has
    the `outcome` (`ok`, `degraded`, or the word of the error), the `usage` in tokens and the milliseconds by phase.
    """

    object: Literal["run.event"]
    id: str
    seq: int
    type: Literal["queued", "sampling", "judging", "fusing", "scoring", "checking", "finished", "failed"]
    at_ms: float
    done: int | None = None
    total: int | None = None
    tokens: int | None = None
    outcome: str | None = None
    usage: dict[str, int] | None = None
    time_ms: dict[str, float] | None = None
    error: ErrorObject | None = None
