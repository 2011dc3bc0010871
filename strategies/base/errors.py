"""Every way a request can fail, named after what the caller can do about it.

NbestError
├── InvalidRequest        the request is wrong; sending it again will not help
│   ├── Unsupported       the field is known, but this strategy or engine does not honour it
│   └── PromptTooLong     the prompt does not fit the model
├── NotFound              the request names a model, preset or scorer that is not served
├── Overloaded            the server is full; try again later
│   └── QuotaExceeded     the caller has used what they may use; try again later
├── DeadlineExceeded      the request's own deadline passed before there was an answer
├── EngineFailed          the generator died, hung or refused
└── ScorerFailed          a reward model raised, or returned something that is not a score
    └── TooLongToScore    the text does not fit the reward model; asking again will not help
"""


class NbestError(Exception):
    """The root of the tree: `str(error)` is a sentence fit for the caller."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class StartError(RuntimeError):
    """What an operator has to mend before the service can start: one line that names the setting and what to do.

    No part of the tree above: nobody has sent a request yet.
    """


class InvalidRequest(NbestError):
    """The request can never succeed as it stands; `param` names the field."""


class Unsupported(InvalidRequest):
    """A field that is understood but not honoured here: refused rather than dropped."""


class PromptTooLong(InvalidRequest):
    """The prompt does not fit the model's context; it is never cut to fit."""

    @classmethod
    def by(cls, tokens: int, longest: int, *, param: str) -> "PromptTooLong":
        """For a prompt of `tokens` to a model that holds `longest`, the answer included."""
        message = f"This model's maximum context length is {longest} tokens; the prompt has {tokens}"
        return cls(f"{message}, which leaves no room for an answer", param=param)


class NotFound(NbestError):
    """A model, preset, strategy or scorer of that name is not served."""


class Overloaded(NbestError):
    """No room for this request now; `retry_after_s` says when to try again."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaExceeded(Overloaded):
    """The caller's own share is used up for now, however much room there is."""


class DeadlineExceeded(NbestError):
    """The request's deadline passed and nothing worth returning was at hand."""


class EngineFailed(NbestError):
    """The generator could not do its work."""


def nothing_drawn(*, has_schema: bool) -> NbestError:
    """Why no candidate came to an end although the engine lives: one that is lost raises EngineFailed itself.

    With a schema they fail one by one where no token may follow, which is the schema's doing.
    """
    if has_schema:
        message = "response_format: no candidate could follow the schema to its end"
        return InvalidRequest(message, param="response_format")
    return EngineFailed("the engine failed on every candidate")


class ScorerFailed(NbestError):
    """A scorer could not give a number; `scorer` is its name, `reason` a word from a closed set."""

    def __init__(self, message: str, *, scorer: str, reason: str = "error") -> None:
        super().__init__(message)
        self.scorer = scorer
        self.reason = reason


class TooLongToScore(ScorerFailed):
    """A text that is longer than the reward model reads; it is never cut to fit."""
