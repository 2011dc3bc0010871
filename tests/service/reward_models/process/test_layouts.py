"""Layouts: one place a step, on a token that is ours, whatever a caller writes into the steps or the question."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.process.formats import CONVENTIONS, ChatTurns, StepFormat, Tagged, Tokens
from service.reward_models.process.layouts import BareSteps, layout_of, open_step_tokenizer, token_ids
from service.reward_models.process.steps import EndsOfSteps, StepInput, StepLayout
from service.reward_models.process.tokenizer import StepTokenizer
from strategies.base.types import Message
from tests.service.reward_models.fakes import PieceTokenizer
from tests.service.reward_models.process.checkpoints import (
    byte_level,
    llama_tokenizer,
    qwen_tokenizer,
    sentence_piece,
)

ASKED = (Message("user", "How many apples has Tom now?"),)
TOKENIZERS = {
    "qwen_math_prm": qwen_tokenizer,
    "skywork_prm": qwen_tokenizer,
    "math_shepherd": sentence_piece,
    "rlhflow": llama_tokenizer,
    "multi_rm": qwen_tokenizer,
}
# Every separator, tag, verdict and control token of any convention, and what tokenisers treat specially.
PIECES = [
    "so",
    " ",
    "42",
    "\n",
    "\n\n",
    " \n\n\n\n",
    "<extra_0>",
    " ки",
    "ки\n",
    "+",
    "-",
    "<|im_end|>",
    "<s>",
    "</s>",
]
PIECES += [
    "<|eot_id|>",
    "<|begin_of_text|>",
    "é",
    "数",
    "🙂",
    "\t",
    ".",
    "<|im_start|>assistant\n",
    "<EXTRA_0>",
]
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
READ = {
    "qwen_math_prm": "<extra_0>",
    "skywork_prm": "\n",
    "math_shepherd": " ки",
    "multi_rm": " \n\n\n\n",
}
"""What is read, by convention; of rlhflow it is the token before the verdict."""


@cache
def reader(name: str) -> StepTokenizer:
    return StepTokenizer(TOKENIZERS[name]())


@cache
def layout_for(name: str) -> StepLayout:
    convention = CONVENTIONS[name]
    return layout_of(convention, open_step_tokenizer(TOKENIZERS[name](), convention), convention.delimiter)


def laid_out(name: str, steps: Sequence[str], question: str = "How many?") -> StepInput | None:
    return layout_for(name).lay_out((Message("user", question),), steps)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(CONVENTIONS)), st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_each_step_is_read_once_at_a_token_of_ours(name: str, steps: list[str], question: str) -> None:
    found = laid_out(name, steps, question)
    convention = CONVENTIONS[name]
    if found is None:
        delimiter = convention.delimiter.strip()
        assert not any(step.replace(delimiter, "").strip() if delimiter else step.strip() for step in steps)
        return
    assert len(found.positions) == len(steps)
    assert found.positions == sorted(set(found.positions))
    assert found.positions[-1] == len(found.ids) - 1
    if name in READ:
        assert {found.ids[at] for at in found.positions} == {reader(name).last_id(READ[name])}


@cache
def _qwen(separator_is_special: bool) -> tuple[StepTokenizer, StepLayout]:
    convention = CONVENTIONS["qwen_math_prm"]
    tokenizer = open_step_tokenizer(qwen_tokenizer(separator_is_special=separator_is_special), convention)
    return tokenizer, layout_of(convention, tokenizer, "\n\n")


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_a_separator_in_the_text_is_plain_text(is_special: bool, steps: list[str], question: str) -> None:
    tokenizer, layout = _qwen(is_special)
    found = layout.lay_out((Message("user", question),), steps)
    if found is not None:
        separator = tokenizer.special_id("<extra_0>")
        assert [at for at, token in enumerate(found.ids) if token == separator] == found.positions


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_a_chat_in_the_text_opens_no_turn(steps: list[str], question: str) -> None:
    found = laid_out("rlhflow", steps, question)
    if found is not None:
        ends = found.ids.count(reader("rlhflow").special_id("<|eot_id|>"))
        # A question, and a verdict for each step but the last: what is behind its place is cut off.
        assert ends == 2 * len(steps) - 1


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_what_is_read_ends_with_the_last_step(name: str) -> None:
    one, two = laid_out(name, ["so it is 3"]), laid_out(name, ["so it is 3\n\n", "and then 4"])
    assert one is not None
    assert two is not None
    assert two.ids[: len(one.ids)] == one.ids
    assert two.positions[0] == one.positions[0]


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_no_steps_are_no_places_and_blank_steps_nothing_to_judge(name: str) -> None:
    empty = laid_out(name, [])
    assert empty is not None
    assert empty.positions == []
    assert laid_out(name, [" \n\n", "\n\n"]) is None


def test_math_shepherd_reads_what_its_card_writes() -> None:
    found = laid_out("math_shepherd", ["Step 1: 3 + 4 = 7\n", "the answer is 7"])
    assert found is not None
    tokenizer = sentence_piece()
    card = tokenizer.encode("How many? Step 1: 3 + 4 = 7 ки\nthe answer is 7 ки")
    assert found.ids == card


def test_an_earlier_chat_stays_in_front() -> None:
    chat = [Message("system", "so"), Message("user", "x"), Message("assistant", "y"), Message("user", "z")]
    found = layout_for("rlhflow").lay_out(chat, ["a\n\n", "b"])
    assert found is not None
    text = llama_tokenizer().decode(found.ids)
    roles = [part.split("<|end_header_id|>")[0] for part in text.split("<|start_header_id|>")[1:]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user", "assistant"]
    assert "\n\nz a<|eot_id|>" in text


@pytest.mark.parametrize(
    ("step", "delimiter", "bare"),
    [
        ("a\n\n", "\n\n", "a"),
        (" a \n\n\n", "\n\n", "a"),
        ("a ###\n", "###", "a"),
        ("a ки\nки\n", "ки\n", "a"),
        ("a", "\n", "a"),
        ("\n", "\n", ""),
    ],
)
def test_a_step_is_laid_out_without_its_delimiter(step: str, delimiter: str, bare: str) -> None:
    assert BareSteps(Recorder(), delimiter)._bare(step) == bare


def test_indents_are_kept_where_the_convention_keeps_them() -> None:
    assert BareSteps(Recorder(), "\n", keeps_indent=True)._bare("\n  a = 1\n") == "  a = 1"


class Recorder:
    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        return StepInput([], [])


def test_the_ends_of_steps_are_where_the_tokenizer_says() -> None:
    tokenizer = PieceTokenizer()
    layout: StepLayout = EndsOfSteps(tokenizer)
    steps = ["a b\n", "c"]
    found = layout.lay_out(ASKED, steps)
    assert found is not None
    conversation = tokenizer.conversation(ASKED, "a b\nc")
    assert found.positions == conversation.tokens_at(list(accumulate(map(len, steps))))


def test_a_tokenizer_without_the_separator_is_refused() -> None:
    with pytest.raises(ScorerLoadError, match="no token '<extra_0>'"):
        open_step_tokenizer(llama_tokenizer(), CONVENTIONS["qwen_math_prm"])


def test_a_tag_that_melts_into_its_surroundings_is_refused() -> None:
    form = Tagged(opening="{question}", tag=" \n\n", between="\n\n")
    convention = CONVENTIONS["multi_rm"].model_copy(update={"input": form})
    tokenizer = StepTokenizer(qwen_tokenizer())
    with pytest.raises(ScorerLoadError, match="not a token of its own behind a step in its tokenizer"):
        layout_of(convention, tokenizer, "\n")


def test_a_verdict_of_several_tokens_is_refused() -> None:
    convention = CONVENTIONS["rlhflow"].model_copy(update={"input": ChatTurns(verdict="so it is")})
    with pytest.raises(ScorerLoadError, match="not a token of its own"):
        layout_of(convention, StepTokenizer(llama_tokenizer()), "\n")


def test_a_tokenizer_without_a_first_token_is_refused_where_the_format_begins_with_it() -> None:
    convention = CONVENTIONS["skywork_prm"]
    with pytest.raises(ScorerLoadError, match="bos_token"):
        layout_of(convention, StepTokenizer(byte_level([])), "\n")
    unopened = convention.input.model_copy(update={"begins": "nothing"})
    layout = layout_of(convention.model_copy(update={"input": unopened}), StepTokenizer(byte_level([])), "\n")
    assert layout.lay_out(ASKED, ["a"]) is not None


def test_words_that_end_in_one_token_are_refused() -> None:
    with pytest.raises(ScorerLoadError, match="the same token"):
        token_ids(StepTokenizer(qwen_tokenizer()), Tokens(good="x", bad="x"))


@pytest.mark.parametrize("opening", ["no place for it", "{question} and {question}"])
def test_an_opening_holds_the_question_once(opening: str) -> None:
    with pytest.raises(ValueError, match="once"):
        StepFormat(delimiter="\n", input=Tagged(opening=opening, tag=" ки"), rows=Tokens(good="+", bad="-"))
