"""Equal texts are one question, and every text gets the answer to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reward_models.base.distinct import DistinctTexts


@given(st.lists(st.sampled_from("abcd")))
def test_every_text_gets_the_value_of_its_equal_and_each_is_asked_once(texts: list[str]) -> None:
    distinct = DistinctTexts(texts)
    assert sorted(distinct.texts) == sorted(set(texts))
    assert distinct.spread([text.upper() for text in distinct.texts]) == tuple(text.upper() for text in texts)
    assert [texts[i] for i in distinct.positions({"a", "d"})] == [text for text in texts if text in "ad"]


def test_the_order_is_that_of_first_occurrence() -> None:
    assert DistinctTexts(["b", "a", "b", "c", "a"]).texts == ["b", "a", "c"]


def test_another_number_of_values_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        DistinctTexts(["a", "b", "a"]).spread([1.0])
