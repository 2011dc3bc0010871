"""The layouts of the conventions: steps into a text, a chat or pieces, and the one token at which each is judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.process.formats import (
    QUESTION,
    ChatTurns,
    Joined,
    Separated,
    StepFormat,
    Tagged,
    Tokens,
)
from service.reward_models.process.steps import StepInput, StepLayout
from service.reward_models.process.tokenizer import Piece, StepTokenizer, question_of
from strategies.base.types import Message


@dataclass(frozen=True, slots=True)
class TaggedSteps:
    """See `Tagged`."""

    tokenizer: StepTokenizer
    form: Tagged

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        text, ends = self.form.opening.replace(QUESTION, question_of(messages)), list[int]()
        for i, step in enumerate(steps):
            text += (self.form.between if i else "") + step + self.form.tag
            ends.append(len(text))
        ids, complete = self.tokenizer.plain(text)
        # Where several tokens spell one character it is whole after the last of them.
        found = [int(np.searchsorted(complete, end, side="right")) - 1 for end in ends]
        tag = self.tokenizer.last_id(self.form.tag)
        for at, end in zip(found, ends, strict=True):
            _check_read(ids[at] == tag and complete[at] == end, self.form.tag)
        prefix = self.tokenizer.prefix()
        return _cut(prefix + ids, [len(prefix) + at for at in found])


@dataclass(frozen=True, slots=True)
class JoinedSteps:
    """See `Joined`."""

    tokenizer: StepTokenizer
    form: Joined

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        separator = self.tokenizer.last_id(self.form.separator)
        opening = self.form.opening.replace(QUESTION, question_of(messages))
        ids, positions = [*self._begin(), *self.tokenizer.plain(opening)[0]], list[int]()
        for step in steps:
            ids += [*self.tokenizer.plain(step)[0], separator]
            positions.append(len(ids) - 1)
        return _cut(ids, positions)

    def _begin(self) -> list[int]:
        if self.form.begins == "nothing":
            return []
        if self.tokenizer.bos_id is None:
            raise ScorerLoadError(
                "its tokenizer names no bos_token, with which this format begins: "
                "add it to tokenizer_config.json, or write the format out with `begins: nothing`"
            )
        return [self.tokenizer.bos_id]


@dataclass(frozen=True, slots=True)
class SeparatedSteps:
    """See `Separated`."""

    tokenizer: StepTokenizer
    form: Separated

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        separator = self.tokenizer.special_id(self.form.separator)
        contents = [*(message.content for message in messages), "".join(steps)]
        written = self.tokenizer.template([*(message.role for message in messages), "assistant"], contents)
        place = max(i for i, (_, content) in enumerate(written) if content == len(messages))
        text = [piece for piece, _ in written[:place]]
        ids, positions = list[int](), list[int]()
        for step in steps:
            # The template's text up to the first step and that step are encoded as one, as in the card.
            ids += [*self.tokenizer.pieces([*text, Piece(step)])[0], separator]
            positions.append(len(ids) - 1)
            text = []
        return _cut(ids, positions)


@dataclass(frozen=True, slots=True)
class StepsAsTurns:
    """See `ChatTurns`. What stands before the last message of the chat is kept as the turns that they are."""

    tokenizer: StepTokenizer
    form: ChatTurns

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        if not steps:
            return StepInput([], [])
        earlier, question = list(messages[:-1]), messages[-1].content
        opening = self.form.opening.replace(QUESTION, question)
        asked = [opening + steps[0], *steps[1:]]
        roles = [message.role for message in earlier] + ["user", "assistant"] * len(steps)
        contents = [message.content for message in earlier]
        for text in asked:
            contents += [text, self.form.verdict]
        verdicts = set(range(len(earlier) + 1, len(contents), 2))
        written = self.tokenizer.template(roles, contents)
        # The verdict is ours, whatever the callers spell around it.
        pieces = [Piece(piece.text, piece.is_ours or content in verdicts) for piece, content in written]
        ids, starts = self.tokenizer.pieces(pieces)
        positions, word = list[int](), self.tokenizer.last_id(self.form.verdict)
        for start, (_, content) in zip(starts, written, strict=True):
            if content in verdicts:
                _check_read(start is not None and start > 0 and ids[start] == word, self.form.verdict)
                positions.append((start or 0) - 1)
        return _cut(ids, positions)


@dataclass(frozen=True, slots=True)
class BareSteps:
    """Another layout that is handed each step without the delimiter that ends it and the white space around.

    An answer of nothing but blanks leaves nothing to judge.
    """

    layout: StepLayout
    delimiter: str
    keeps_indent: bool = False

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        texts = [self._bare(step) for step in steps]
        return None if texts and not any(texts) else self.layout.lay_out(messages, texts)

    def _bare(self, step: str) -> str:
        text, end = step.rstrip(), self.delimiter.strip()
        while end and text.endswith(end):
            text = text.removesuffix(end).rstrip()
        return text.lstrip("\r\n") if self.keeps_indent else text.lstrip()


def layout_of(convention: StepFormat, tokenizer: StepTokenizer, delimiter: str) -> StepLayout:
    """The layout of a convention with a model's tokenizer, tried out; ScorerLoadError if they do not fit together."""
    form = convention.input
    inner: StepLayout
    if isinstance(form, Tagged):
        inner = TaggedSteps(tokenizer, form)
    elif isinstance(form, Joined):
        inner = JoinedSteps(tokenizer, form)
    elif isinstance(form, Separated):
        inner = SeparatedSteps(tokenizer, form)
    else:
        inner = StepsAsTurns(tokenizer, form)
    layout = BareSteps(inner, delimiter, convention.keeps_indent)
    _try_out(layout)
    return layout


def open_step_tokenizer(source: object, convention: StepFormat) -> StepTokenizer:
    """The checkpoint's tokenizer, in which the convention's special token is inert for callers."""
    form = convention.input
    return StepTokenizer(source, form.separator if isinstance(form, Separated) else None)


def token_ids(tokenizer: StepTokenizer, words: Tokens) -> list[int]:
    """The good and the bad token; ScorerLoadError where they are one and the same."""
    found = [tokenizer.last_id(words.good), tokenizer.last_id(words.bad)]
    if found[0] == found[1]:
        raise ScorerLoadError(
            f"its tokenizer ends {words.good!r} and {words.bad!r} in the same token: "
            "set `format` to this model's convention"
        )
    return found


def _cut(ids: list[int], positions: list[int]) -> StepInput:
    """Nothing behind the last place that is read can change what is read."""
    return StepInput(ids[: positions[-1] + 1] if positions else ids, positions)


def _check_read(is_so: bool, word: str) -> None:
    if not is_so:
        raise PoolingFailed(f"{word!r} is not a token of its own behind a step", "error")


def _try_out(layout: StepLayout) -> None:
    try:
        layout.lay_out([Message("user", "What is 1 + 1?")], ["It is 2.", "So the answer is 2"])
    except PoolingFailed as error:
        raise ScorerLoadError(f"{error} in its tokenizer: set `format` to this model's convention") from error
