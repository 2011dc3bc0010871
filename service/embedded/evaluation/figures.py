"""What a scorer is worth on drawn answers: each figure is one function of the judged problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from service.embedded.evaluation.metrics import auc, best, majority
from service.embedded.problems.labels import line_is_right, lines, read, stated_answer
from service.embedded.problems.problems import Problem


@dataclass(frozen=True, slots=True)
class Judged:
    """A problem's answers: their final numbers, the scorer's outcome for each, and (score, is right) for each line."""

    problem: Problem
    stated: tuple[str | None, ...]
    outcomes: tuple[float, ...]
    lines: tuple[tuple[tuple[float, bool], ...], ...]

    def is_right(self, stated: str | None) -> bool:
        """Whether a final number is the problem's."""
        return stated == str(self.problem.answer)


def judged(
    problem: Problem, answers: Sequence[str], outcomes: Sequence[float], steps: Sequence[Sequence[float]]
) -> Judged:
    """Put the scores beside what arithmetic says."""
    labelled = []
    for answer, scores in zip(answers, steps, strict=True):
        reading = read(problem, answer)
        ends = [end for _, end in lines(answer)]
        labelled.append(
            tuple((score, line_is_right(reading, end)) for score, end in zip(scores, ends, strict=True))
        )
    return Judged(problem, tuple(map(stated_answer, answers)), tuple(outcomes), tuple(labelled))


def outcome_auc(items: Sequence[Judged]) -> float:
    """The area under the curve of outcome scores over all answers."""
    scores = [score for item in items for score in item.outcomes]
    return auc(scores, [item.is_right(answer) for item in items for answer in item.stated])


def step_auc(items: Sequence[Judged]) -> float:
    """The area under the curve of step scores over all lines."""
    pairs = [pair for item in items for answer in item.lines for pair in answer]
    return auc([score for score, _ in pairs], [is_right for _, is_right in pairs])


def first_pass(items: Sequence[Judged]) -> float:
    """The share of answers that are right."""
    return fmean(item.is_right(answer) for item in items for answer in item.stated)


def majority_accuracy(items: Sequence[Judged]) -> float:
    """The share of problems whose commonest answer is right."""
    return fmean(item.is_right(majority(item.stated)) for item in items)


def best_by_outcome(items: Sequence[Judged]) -> float:
    """The share of problems whose answer of the highest outcome score is right."""
    return fmean(item.is_right(best(item.outcomes, item.stated)) for item in items)


def best_by_steps(items: Sequence[Judged]) -> float:
    """The share of problems whose answer of the highest least step score is right."""
    return fmean(item.is_right(best(_least_steps(item), item.stated)) for item in items)


def _least_steps(item: Judged) -> list[float]:
    return [min((score for score, _ in answer), default=float("-inf")) for answer in item.lines]


def any_pass(items: Sequence[Judged]) -> float:
    """The share of problems with a right answer among those drawn."""
    return fmean(any(map(item.is_right, item.stated)) for item in items)
