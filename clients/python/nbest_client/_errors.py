"""Every way a call can fail, named after what the caller can do about it.

NbestError
├── InvalidRequest        change the request: as it stands it can never succeed; `param` names the field
│   └── NotFound          name a model, strategy, scorer or address that is served
├── AuthenticationError            send another `api_key`
├── TryAgain              send the same again later; the client already did, as often as it was allowed to
│   └── ConnectionFailed  as above, if the address is right: no whole reply came
├── DeadlineExceeded      allow more time, or ask for less
└── ServerFailed          tell whoever runs the server; `request_id` finds the request in its logs

Every error carries `status`, `code`, `type`, `param` and `request_id`, each None where the server said nothing.
A parameter that a strategy's own class refuses is pydantic's ValidationError: nothing was sent.
"""


class NbestError(Exception):
    """The root of the tree: `message` is the server's sentence, or ours where no server spoke."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        told = {
            "status": self.status,
            "code": self.code,
            "param": self.param,
            "request": self.request_id,
        }
        details = ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)
        return f"{self.message} ({details})" if details else self.message


class InvalidRequest(NbestError):
    """The request can never succeed as it stands; `param` names the field."""


class NotFound(InvalidRequest):
    """The server has no model, strategy, scorer or route of that name."""


class AuthenticationError(NbestError):
    """The server does not accept the key, or there is none."""


class TryAgain(NbestError):
    """The server could not do it now; `retry_after_s` is how long it asked to be left alone."""


class ConnectionFailed(TryAgain):
    """The server was not reached, or its reply broke off."""


class DeadlineExceeded(NbestError):
    """The time ran out: the caller's `timeout_s`, or, with a status, the deadline that the server knew of."""


class ServerFailed(NbestError):
    """The server broke, or what answers at this address is not nbest."""
