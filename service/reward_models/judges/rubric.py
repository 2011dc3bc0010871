"""A rubric judge: a generator grades an answer by named criteria, in a form that its engine holds it to.

Sources: form-filling judges such as G-Eval (arXiv 2303.16634) and Prometheus (arXiv 2310.08491), which grade by written
criteria, and give the evidence before the grades. The reply is JSON under a schema, evidence first; one that is cut off
or is no such JSON has no grades.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.objective_weights import check_objectives
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.request_scope import RequestScope
from service.reward_models.judges.judge import JudgeClient, client, question_about
from service.reward_models.judges.settings import RubricSettings
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import OutcomeScorer, OutcomeScores
from strategies.base.types import Prompt
from strategies.scores.yes_probability import mean_verdict

_EVIDENCE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class RubricScorer:
    """An outcome scorer by criteria, which are its objectives. Equal texts are graded once.

    The score is the weighted mean of the grades, each from 0 (worst) to 1 (best), and the mean over the samples.
    """

    name: str
    client: JudgeClient
    settings: RubricSettings
    weights: Mapping[str, float]

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(criterion.name for criterion in self.settings.criteria)

    def weighted(self, weights: Mapping[str, float]) -> OutcomeScorer:
        """The same judge with these weights; a criterion that they leave out weighs nothing."""
        check_objectives(self.name, weights, self.objectives)
        return replace(self, weights=weights)

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text; None where no sample gave grades."""
        distinct = DistinctTexts(texts)
        values = await gather_in_order([self._graded(prompt, text) for text in distinct.texts])
        return OutcomeScores(distinct.spread(values))

    def bound_to(self, view: RequestScope) -> "RubricScorer":
        return replace(self, client=self.client.bound_to(view))

    async def _graded(self, prompt: Prompt, text: str) -> float | None:
        asked = question_about(prompt, "one answer to it", [("The answer:", text)], task(self.settings))
        replies = await self.client.replies(prompt, asked)
        return mean_verdict([self._value(grades(reply.content, self.settings)) for reply in replies])

    def _value(self, found: Mapping[str, float] | None) -> float | None:
        if found is None:
            return None
        weights = {name: self.weights.get(name, 0.0) for name in found}
        scale = math.fsum(abs(weight) for weight in weights.values())
        return math.fsum(grade * weights[name] for name, grade in found.items()) / scale


def grades(reply: str, settings: RubricSettings) -> dict[str, float] | None:
    """The grades of a reply by criterion, brought into [0, 1]; None if it is not exactly what the schema says."""
    try:
        told = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    names = [criterion.name for criterion in settings.criteria]
    if (
        not isinstance(told, dict)
        or told.keys() != {"evidence", *names}
        or not isinstance(told["evidence"], str)
    ):
        return None
    found = {name: told[name] for name in names}
    if not all(type(grade) is int and 1 <= grade <= settings.highest for grade in found.values()):
        return None
    return {name: (grade - 1) / (settings.highest - 1) for name, grade in found.items()}


def schema(settings: RubricSettings) -> dict[str, Any]:
    """The JSON schema of a reply: the evidence, then a grade for each criterion, in their order."""
    grade = {"type": "integer", "enum": list(range(1, settings.highest + 1))}
    fields = {"evidence": {"type": "string", "maxLength": _EVIDENCE_CHARACTERS}}
    properties = fields | {criterion.name: grade for criterion in settings.criteria}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def task(settings: RubricSettings) -> str:
    """What a judge is told to do."""
    lines = [f"- {criterion.name}: {criterion.description}" for criterion in settings.criteria]
    form = ", ".join(['"evidence": "..."', *(f'"{criterion.name}": 1' for criterion in settings.criteria)])
    question = settings.question or "Grade the answer to the request by these criteria."
    return "\n\n".join(
        [
            f"Your task: {question}",
            "\n".join(lines),
            f"A grade is a whole number from 1 (worst) to {settings.highest} (best). First write the evidence: in a "
            "few sentences, what in the answer speaks for which grade. Your whole reply is one JSON object of this "
            "form:",
            "{" + form + "}",
        ]
    )


def build(settings: RubricSettings, materials: Materials) -> Built:
    """A judge by rubric on a configured generator."""
    generator, judges = client(settings, materials, json_schema=json.dumps(schema(settings)))
    weights = {criterion.name: criterion.weight for criterion in settings.criteria}
    scorer = RubricScorer(settings.name, judges, settings, weights)
    info = ScorerInfo(
        settings.name,
        "outcome",
        settings.backend,
        model=generator,
        generator=generator,
        objectives=scorer.objectives,
    )
    return Built(info, outcome=scorer)
