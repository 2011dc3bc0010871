"""What one request, one connection, and all of them together may ask for."""

from pydantic import Field

from strategies.base.frozen_model import FrozenModel


class Limits(FrozenModel):
    """Bounds that are checked before anything is allocated; where one is passed, the reply says which."""

    max_n: int = Field(64, ge=1, description="Candidates a request may draw.")
    max_tokens: int = Field(4096, ge=1, description="Tokens one candidate may have.")
    max_request_tokens: int = Field(65_536, ge=1, description="Candidates times `max_tokens`, a request.")
    default_max_tokens: int = Field(512, ge=1, description="`max_tokens` where a chat request names none.")
    max_concurrent_requests: int = Field(32, ge=1, description="Requests worked on at once.")
    max_inflight_tokens: int = Field(
        524_288,
        ge=1,
        description="Cost of all requests worked on at once, in tokens: candidates times `max_tokens`, what is"
        " generated beside them, and the prompt at a token for every 4 bytes.",
    )
    max_inflight_candidates: int = Field(
        512, ge=1, description="Candidates of all requests worked on at once."
    )
    max_queued_requests: int = Field(128, ge=0, description="Requests of one key that may wait for a place.")
    deadline_ms: int = Field(300_000, ge=1, le=590_000, description="Deadline of a request that names none.")

    max_body_bytes: int = Field(1_048_576, ge=1024, description="Size of a request body.")
    max_discarded_bytes: int = Field(
        268_435_456,
        ge=0,
        description="Bytes of a body beyond `max_body_bytes` that are read and dropped, so that its sender gets to"
        " read the 413; past them the connection is closed.",
    )
    max_json_depth: int = Field(64, ge=8, le=200, description="Levels of nesting in a body.")
    max_messages: int = Field(1024, ge=1, description="Messages in one chat.")
    max_stops: int = Field(4, ge=0, description="Stop strings in one request.")
    max_stop_chars: int = Field(256, ge=1, description="Characters in one stop string.")
    max_logprobs: int = Field(20, ge=0, le=20, description="Alternatives told at each token.")
    max_schema_bytes: int = Field(65_536, ge=2, description="Size of a JSON schema in `response_format`.")
    max_schema_depth: int = Field(32, ge=1, description="Levels of nesting in such a schema.")
    max_select_candidates: int = Field(2048, ge=1, description="Candidates in one `/v1/select`.")
    max_score_texts: int = Field(256, ge=1, description="Texts in one `/v1/score`.")

    max_connections: int = Field(
        512, ge=1, description="Open connections; beyond them only `/health` and `/ready` are answered."
    )
    max_header_bytes: int = Field(32_768, ge=1024, description="Size of request line and headers.")
    max_headers: int = Field(64, ge=8, description="Headers of one request.")
    header_timeout_s: float = Field(10.0, gt=0, description="Seconds in which the headers must arrive.")
    body_timeout_s: float = Field(30.0, gt=0, description="Seconds in which the body must arrive.")
    keep_alive_s: int = Field(15, ge=1, description="Seconds that a connection stays open between requests.")
    write_timeout_s: float = Field(
        30.0, gt=0, description="Seconds for which a client may read nothing of what waits for it."
    )
