"""Where an answer is looked for, as a request says it; and what a request may not say."""

import pytest
from pydantic import ValidationError

from strategies.answers.answer_format import AnswerForm
from tests.strategies.conftest import candidate

TEXT = 'First 3.\nThe answer is 4, so \\boxed{5}. {"answer": 6} #### 7\nI choose (B) 8'


@pytest.mark.parametrize(
    ("form", "key"),
    [
        (AnswerForm(), "5"),
        (AnswerForm(form="boxed"), "5"),
        (AnswerForm(form="last_number"), "8"),
        (AnswerForm(form="json", field="answer"), "6"),
        (AnswerForm(form="json"), '{"answer":6}'),
        (AnswerForm(form="pattern", pattern=r"#### (\d)"), "7"),
    ],
)
def test_each_form_reads_its_own_place(form: AnswerForm, key: str) -> None:
    answer = form.read(candidate(0, TEXT))
    assert answer is not None
    assert answer.key == key


def test_the_other_forms() -> None:
    stated = AnswerForm(form="answer_is").read(candidate(0, "The answer is 4 apples, not 5"))
    chosen = AnswerForm(form="choice").read(candidate(0, "I choose (B)"))
    assert stated is not None
    assert chosen is not None
    assert (stated.key, chosen.key) == ("4", "B")


@pytest.mark.parametrize("form", ["boxed", "answer_is", "choice", "json"])
def test_a_form_that_is_not_there_is_no_answer(form: str) -> None:
    assert AnswerForm.model_validate({"form": form}).read(candidate(0, "just 5")) is None


@pytest.mark.parametrize(
    ("form", "brought", "key"),
    [
        ("auto", "2.0", "2"),
        ("choice", "(b)", "B"),
        ("json", '{"b": 1, "a": 2.0}', '{"a":2,"b":1}'),
        ("boxed", " ", None),
    ],
)
def test_a_brought_answer_is_spelled_as_those_that_are_found(
    form: str, brought: str, key: str | None
) -> None:
    answer = AnswerForm.model_validate({"form": form}).read(candidate(0, "7", answer=brought))
    assert (None if answer is None else answer.key) == key


def test_an_invalid_candidate_has_no_answer() -> None:
    assert AnswerForm().read(candidate(0, "The answer is 1.", "length")) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"form": "boxed", "field": "a"}, "field goes with form json"),
        ({"form": "pattern"}, "go together"),
        ({"pattern": "a"}, "go together"),
        ({"form": "pattern", "pattern": "("}, "not an RE2 pattern"),
        ({"form": "guess"}, "Input should be"),
        ({"from": "boxed"}, "Extra inputs"),
    ],
)
def test_what_is_refused(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AnswerForm.model_validate(fields)
