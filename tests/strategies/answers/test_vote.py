"""Groups and votes, against counting by hand."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from strategies.answers.vote import group_ids, group_sizes, votes

_ANSWERS = st.lists(st.one_of(st.none(), st.sampled_from("abcd")), max_size=20)


def test_no_answer_is_no_vote() -> None:
    answers = ["a", None, "b", "a", None, None]
    groups = group_ids(answers)
    assert groups == [0, None, 1, 0, None, None]
    assert group_sizes(groups) == [2, 0, 1, 2, 0, 0]
    assert [(vote.answer, vote.count) for vote in votes(answers, groups)] == [("a", 2), ("b", 1)]


def test_of_equal_groups_the_first_seen_leads() -> None:
    answers = ["b", "a", "a", "b"]
    assert [vote.answer for vote in votes(answers, group_ids(answers))] == ["b", "a"]


@given(_ANSWERS)
def test_votes_count_every_answer_once(answers: list[str | None]) -> None:
    tally = votes(answers, group_ids(answers))
    assert {vote.answer: vote.count for vote in tally} == Counter(a for a in answers if a is not None)
    assert [vote.count for vote in tally] == sorted((vote.count for vote in tally), reverse=True)


@given(_ANSWERS)
def test_two_share_a_group_exactly_when_they_share_an_answer(answers: list[str | None]) -> None:
    groups = group_ids(answers)
    for a, g in zip(answers, groups, strict=True):
        for b, h in zip(answers, groups, strict=True):
            assert (a is not None and a == b) == (g is not None and g == h)
