"""The end of a search: who is returned, in what order, and what is said of the others, against a slow reading."""

import math
from random import Random

from strategies.answers.extract import extract
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.types import Outcome, Rejection, Score
from strategies.search import outcome as verdicts
from strategies.search.outcome import FinishedBeam, winner_is_lost
from tests.random_cases import random_cases, several
from tests.strategies.conftest import candidate

AT = Rejection(1, 2, 0.1, 0.5)


def conclude(standings: list[FinishedBeam], k: int) -> Outcome:
    """With the answers as they stand in the texts."""
    return verdicts.conclude(standings, exact_ballot([s.candidate for s in standings]), k)


def test_a_finished_answer_beats_an_unfinished_one_of_higher_score() -> None:
    outcome = conclude(
        [
            FinishedBeam(candidate(0, "done"), Score(0.1)),
            FinishedBeam(candidate(1, "half", "abort"), Score(0.9)),
        ],
        2,
    )
    assert outcome.selected == (0,)
    assert [verdict.fate for verdict in outcome.verdicts] == ["selected", "invalid"]
    assert outcome.degraded is None


def test_without_a_finished_answer_the_best_unfinished_one_is_returned_and_flagged() -> None:
    outcome = conclude(
        [FinishedBeam(candidate(i, "half", "abort"), Score(x)) for i, x in enumerate((0.1, 0.9))], 1
    )
    assert outcome.selected == (1,)
    assert outcome.degraded == "no_valid_candidate"


def test_a_rejected_candidate_is_never_returned_whatever_its_score() -> None:
    standings = [
        FinishedBeam(candidate(0, "half", "abort"), Score(0.9), rejected_at=AT, is_rejected=True),
        FinishedBeam(candidate(1, "done"), Score(0.1)),
        FinishedBeam(candidate(2, "", "error")),
    ]
    outcome = conclude(standings, 3)
    assert outcome.selected == (1,)
    assert [verdict.fate for verdict in outcome.verdicts] == ["rejected_early", "selected", "failed"]
    assert outcome.verdicts[0].rejected_at == AT
    assert conclude(standings[:1], 1).selected == ()


def test_where_a_deadline_left_no_score_the_last_number_decides() -> None:
    cut = [FinishedBeam(candidate(i, "half", "abort"), Score(), Score(x)) for i, x in enumerate((0.1, 0.9))]
    assert conclude(cut, 1).selected == (1,)
    assert conclude(cut, 1).verdicts[1].score == Score(0.9)
    fresh = FinishedBeam(candidate(2, "half", "abort"), Score(0.2), Score(0.2))
    assert conclude([*cut, fresh], 1).selected == (2,)


def test_of_equal_scores_the_answer_that_more_of_them_give_wins() -> None:
    standings = [FinishedBeam(candidate(i, f"The answer is {a}."), Score(0.5)) for i, a in enumerate("577")]
    outcome = conclude(standings, 1)
    assert outcome.selected == (1,)
    assert [(vote.answer, vote.count) for vote in outcome.votes] == [("7", 2), ("5", 1)]


def test_a_winner_that_carries_a_mark_is_lost() -> None:
    marked = FinishedBeam(candidate(0, "done"), Score(0.9), rejected_at=AT)
    other = FinishedBeam(candidate(1, "done"), Score(0.5))
    assert winner_is_lost(conclude([marked, other], 1))
    assert not winner_is_lost(conclude([other], 1))


def _row(rng: Random) -> tuple[str, str, float | None, bool]:
    text = rng.choice(["", "The answer is 1.", "The answer is 2.", "none"])
    reason = rng.choice(["stop", "stop", "abort", "length", "error"])
    return text, reason, rng.choice([None, math.nan, -1.0, 0.5, 0.5, 1.0]), rng.random() < 0.5


@random_cases(lambda rng: (several(rng, _row, 1, 9), rng.randint(1, 9)))
def test_agrees_with_taking_the_best_one_at_a_time(
    rows: list[tuple[str, str, float | None, bool]], k: int
) -> None:
    standings = [
        FinishedBeam(candidate(i, text, reason), Score(score), Score(score), AT, is_rejected)
        for i, (text, reason, score, is_rejected) in enumerate(rows)
    ]
    assert list(conclude(standings, k).selected) == _slow(rows, k)


def _slow(rows: list[tuple[str, str, float | None, bool]], k: int) -> list[int]:
    """Look through everything that is left for something better, again and again."""
    standing = [i for i, row in enumerate(rows) if not row[3] and row[1] != "error"]
    fine = [i for i in standing if rows[i][1] == "stop" and rows[i][0].strip()]
    left, chosen = list(fine or standing), list[int]()
    answers = {i: extract(rows[i][0]) for i in fine}
    while left and len(chosen) < k:
        best = left[0]
        for i in left[1:]:
            if _better(i, best, rows, answers):
                best = i
        left.remove(best)
        chosen.append(best)
    return chosen


def _better(
    a: int, b: int, rows: list[tuple[str, str, float | None, bool]], answers: dict[int, str | None]
) -> bool:
    if bool(rows[a][0].strip()) != bool(rows[b][0].strip()):
        return bool(rows[a][0].strip())
    one, other = (None if x is None or math.isnan(x) else x for x in (rows[a][2], rows[b][2]))
    if one != other:
        return other is None or (one is not None and one > other)
    given = list(answers.values())
    sizes = [given.count(answers[i]) if answers.get(i) is not None else 0 for i in (a, b)]
    return sizes[0] > sizes[1]
