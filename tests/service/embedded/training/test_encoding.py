"""Packing: an answer in a shared row is read as if it stood alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from service.embedded.problems.problems import Problem
from service.embedded.training.encoding import IGNORED, EncodedAnswer, Row, collate, encode
from tests.service.embedded.characters import CharacterTokenizer

torch: Any = pytest.importorskip("torch")

PROBLEM = Problem("k", "addition", "Add 12 and 31.", 12, "+", 31, 43, "s", "apples")


def encoded(answer: str) -> EncodedAnswer:
    return encode(CharacterTokenizer(), PROBLEM, [answer]).answers[0]


def test_steps_are_right_up_to_the_first_wrong_token() -> None:
    text = "12 + 31 = 53\nThe answer is 53."
    wrong_from = text.index("53")
    assert encoded(text).steps == tuple([1] * wrong_from + [0] * (len(text) - wrong_from + 1))
    assert encoded(text).outcome == 0


def test_a_right_answer_is_right_throughout() -> None:
    text = "12 + 31 = 43\nThe answer is 43."
    assert set(encoded(text).steps) == {1}
    assert encoded(text).outcome == 1


def test_a_number_cut_short_is_wrong_only_where_it_ends() -> None:
    assert encoded("12 + 31 = 4").steps == tuple([1] * len("12 + 31 = 4") + [0])


def test_the_digit_due_is_told_at_the_token_before_it() -> None:
    text = "12 + 31 = 53\n"
    due = encoded(text).due
    assert due[text.index("53") - 1] == 4
    assert sum(digit != IGNORED for digit in due) == 1


def tiny_llama() -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=96,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation="sdpa",
    )
    return transformers.LlamaModel(config).eval()


def plain(ids: list[int]) -> Row:
    return Row(
        (ids[0],), (EncodedAnswer(tuple(ids[1:]), (1,) * (len(ids) - 1), (IGNORED,) * (len(ids) - 1), 1),)
    )


def states(model: Any, rows: list[Row]) -> Any:
    batch = collate(rows, 0)
    with torch.no_grad():
        out = model(input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions)
    return out.last_hidden_state


def test_a_packed_answer_has_the_states_that_it_has_alone() -> None:
    model = tiny_llama()
    answers = ["12 + 31 = 43\nThe answer is 43.", "12 + 31 = 44", "31 + 12 = 43\nThe answer is 41."]
    packed = encode(CharacterTokenizer(), PROBLEM, answers)
    other = plain([5, 6, 7, 8])
    together = states(model, [packed, other])
    at = len(packed.question)
    for answer in packed.answers:
        alone = plain([*packed.question, *answer.ids])
        with torch.no_grad():
            expected = model(
                input_ids=torch.tensor([[*alone.question, *alone.answers[0].ids]])
            ).last_hidden_state
        size = len(answer.ids)
        torch.testing.assert_close(
            together[0, at : at + size], expected[0, len(packed.question) :], atol=1e-5, rtol=1e-4
        )
        at += size
    torch.testing.assert_close(together[1, :4], states(model, [other])[0], atol=1e-5, rtol=1e-4)


def test_padding_is_finite_and_unlabelled() -> None:
    long, short = plain([3] * 9), plain([3] * 4)
    batch = collate([long, short], 0)
    assert batch.mask.any(-1).all()
    assert (batch.steps[1, 4:] == IGNORED).all()
    assert (batch.outcomes[1] != IGNORED).nonzero().tolist() == [[3]]


def test_the_ranking_wants_each_right_answer_above_each_wrong_one_of_its_question() -> None:
    from service.embedded.training.network import _ranking

    logits = torch.tensor([[2.0, 1.0, -3.0], [5.0, 0.0, 0.0]])
    outcomes = torch.tensor([[1, 0, 0], [1, IGNORED, IGNORED]])
    expected = torch.nn.functional.softplus(torch.tensor([-1.0, -5.0])).mean()
    assert torch.isclose(_ranking(logits, outcomes), expected)


def test_the_loss_falls_as_the_scores_agree_with_the_labels() -> None:
    from service.embedded.training.network import loss

    class Fixed:
        """A network whose states are the logits themselves."""

        def __init__(self, sign: float) -> None:
            self.sign = sign

        def get_base_model(self) -> Any:
            return SimpleNamespace(model=self.states, score=lambda states: states)

        def states(self, input_ids: Any, **rest: object) -> Any:
            labels = torch.stack([batch.outcomes, batch.steps], -1).clamp(min=0)
            return SimpleNamespace(last_hidden_state=self.sign * (2.0 * labels - 1))

    batch = collate(
        [encode(CharacterTokenizer(), PROBLEM, ["12 + 31 = 43\nThe answer is 43.", "12 + 31 = 44"])], 0
    )
    digits = torch.zeros(10, 2)
    assert (
        loss(Fixed(4.0), digits, batch) < loss(Fixed(0.0), digits, batch) < loss(Fixed(-4.0), digits, batch)
    )
