"""How a response states its answer, as a request says it, and the one function that reads it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from strategies.answers.choice import choice, parse_choice
from strategies.answers.extract import Answer, Form, answer_is, as_answer, automatic
from strategies.base.field_errors import WrongField
from strategies.base.frozen_model import FrozenModel
from strategies.base.types import Candidate
from strategies.parts.json_answers import find_object, whole_object
from strategies.parts.tool_calls import ToolVote, canonical_calls
from strategies.text.boxed import last_boxed
from strategies.text.canonical import canonical
from strategies.text.numbers import last_number
from strategies.text.pattern import compiled, search

_PLAIN: Final[Mapping[Form, Callable[[str], str | None]]] = {
    "boxed": last_boxed,
    "answer_is": answer_is,
    "last_number": last_number,
}


class AnswerForm(FrozenModel):
    """Where the answer stands in a response. A response without one does not vote."""

    form: Form = Field(
        "auto",
        description="`auto` (JSON that is the whole response, else boxed, else `answer_is`, else a stated letter, "
        "else the last number, else the response itself), or one form alone: a `choice` of A to J, `json` in it, or a "
        "`pattern`.",
    )
    field: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="With `json`: where the answer stands, as `answer` or `result.answer` (default: the whole object).",
    )
    pattern: str | None = Field(
        None,
        min_length=1,
        description="With `pattern`: RE2, at most 200 characters; the answer is its group `answer`, else its first, "
        "in the last line that matches.",
    )

    tool_vote: ToolVote = Field(
        "calls",
        description="What is compared of responses that call tools: all `calls` in any order, the first `call`, or "
        "of all the `name`s or the `arguments` alone.",
    )
    exclude_arguments: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list,
        max_length=64,
        description="Arguments of tools that are left out of the comparison, by name.",
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compiled(pattern)
        return pattern

    @model_validator(mode="after")
    def _belongs(self) -> "AnswerForm":
        if self.field is not None and self.form != "json":
            raise WrongField("field", "field goes with form json")
        if (self.pattern is not None) != (self.form == "pattern"):
            raise WrongField("pattern", "form pattern and a pattern go together")
        return self

    def read(self, candidate: Candidate) -> Answer | None:
        """The answer that the candidate brought along, else the one in its text; an invalid candidate has none."""
        if not candidate.is_valid:
            return None
        if candidate.tool_calls:
            return _as_is(canonical_calls(candidate.tool_calls, self.tool_vote, self.exclude_arguments))
        return self._find(candidate.content) if candidate.answer is None else self._brought(candidate.answer)

    def _find(self, text: str) -> Answer | None:
        if self.form == "auto":
            return automatic(text)
        if self.form == "json":
            return _as_is(find_object(text, self.field))
        if self.form == "choice":
            return _as_is(choice(text))
        if self.pattern is not None:
            return as_answer(search(self.pattern, text))
        return as_answer(_PLAIN[self.form](text))

    def _brought(self, answer: str) -> Answer | None:
        """An answer that came as one needs no finding, but is spelled as those that were found."""
        key = parse_choice(answer) if self.form == "choice" else whole_object(answer)
        key = key or canonical(answer)
        return None if key is None else Answer(key, answer)


def _as_is(key: str | None) -> Answer | None:
    return None if key is None else Answer(key, key)
