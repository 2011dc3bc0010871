"""What a call gives back: answers, scores and selections; each shows itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field

from nbest_client._candidate_input import CandidateInput
from nbest_client._responses.display import Block, Shown, Table, Text
from nbest_client._responses.explanation import Explanation, Told


class Choice(Told):
    """One answer, what was thought before it and what it calls. `logprobs` is OpenAI's object, if asked for."""

    index: int
    text: Annotated[str, BeforeValidator(lambda told: "" if told is None else told)] = Field(
        validation_alias=AliasPath("message", "content")
    )
    reasoning: str | None = Field(None, validation_alias=AliasPath("message", "reasoning"))
    tool_calls: Sequence[Mapping[str, Any]] = Field((), validation_alias=AliasPath("message", "tool_calls"))
    finish_reason: str | None
    logprobs: Mapping[str, Any] | None = None


class Usage(Told):
    """What the engine counted for the request, all candidates together; the details sum to `completion_tokens`."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Mapping[str, int] = {}
    completion_tokens_details: Mapping[str, int] = {}
    nbest: Mapping[str, int] = {}


class Generation(Shown, Told):
    """The answer to a chat, best choice first; `text` is the first one's."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    system_fingerprint: str | None = None
    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage | None = None
    explanation: Explanation | None = Field(None, validation_alias="nbest")
    request_id: str | None = None

    @property
    def text(self) -> str:
        return self.choices[0].text

    @property
    def texts(self) -> list[str]:
        """Every choice's, best first."""
        return [choice.text for choice in self.choices]

    def _blocks(self) -> Sequence[Block]:
        answers: list[Block] = [Text("answer", text) for text in self.texts]
        if self.explanation is None:
            return [*answers, *self._cost()]
        *tables, why = self.explanation._blocks()
        return [*tables, *answers, why, *self._cost()]

    def _cost(self) -> list[Block]:
        if self.usage is None:
            return []
        parts = [
            f"{self.usage.completion_tokens} tokens generated",
            f"{self.usage.prompt_tokens} in the prompt",
        ]
        if read := self.usage.nbest.get("reward_model_tokens"):
            parts.append(f"{read} read by reward models")
        return [Text("cost", ", ".join(parts))]


@dataclass(frozen=True, slots=True)
class Delta:
    """New text of one choice of a stream; printing it prints the text."""

    index: int
    text: str

    def __str__(self) -> str:
        return self.text


class TextScore(Told):
    """One text's score from an outcome scorer; its steps with a score each from a step scorer.

    `truncated`: the scorer read the end of the text only, which its configuration allows where a text is too long.
    """

    index: int
    score: float | None = None
    truncated: bool = False
    steps: tuple[str, ...] | None = None
    step_scores: tuple[float, ...] | None = None


class Scores(Shown, Told):
    """What a scorer thinks of each text: `data` and `texts` in the order in which they were given."""

    object: str = "list"
    scorer: str
    kind: str
    data: tuple[TextScore, ...]
    texts: tuple[str, ...]
    usage: Mapping[str, int] = {}
    request_id: str | None = None

    def _blocks(self) -> Sequence[Block]:
        columns = ["#", "text", "score" if self.kind == "outcome" else "step scores"]
        rows = [[item.index, self.texts[item.index], _opinion(item)] for item in self.data]
        return [Table(f"{self.scorer} ({self.kind})", columns, rows)]


def _opinion(item: TextScore) -> object:
    if item.step_scores is None:
        return item.score
    return " ".join(f"{score:.3f}" for score in item.step_scores)


class Selection(Shown, Told):
    """Which of the given candidates the strategy selects: their indices in `selected`, best first."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    object: str = "selection"
    selected: tuple[int, ...]
    explanation: Explanation | None = Field(None, validation_alias="nbest")
    candidates: tuple[CandidateInput, ...]
    request_id: str | None = None

    @property
    def texts(self) -> list[str]:
        """The texts of the selected candidates, best first."""
        return [self.candidates[i].text for i in self.selected]

    def _blocks(self) -> Sequence[Block]:
        told = self.explanation._blocks() if self.explanation else []
        return [*told, *(Text(f"selected [{i}]", self.candidates[i].text) for i in self.selected)]
