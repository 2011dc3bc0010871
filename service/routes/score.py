"""`POST /v1/score` and `POST /v1/select`: judge, or choose among, texts that the caller brings."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response

from service.admission.cost import reading_cost
from service.admission.validation import check_count
from service.engine.precomputed import PrecomputedEngine
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.run_observer import observe_run
from service.metering.scorers import MeteredScorers
from service.protocol.errors import body_of_run
from service.protocol.explanation import explanation
from service.protocol.score import ScoreRequest
from service.protocol.select import SelectRequest
from service.reward_models.reward_functions.precomputed import PrecomputedScores
from service.routes.dependencies import AppState, get_state
from service.routes.disconnect import unless_disconnected
from service.routes.strict_json import strict_router
from strategies.answers.steps import split_steps
from strategies.base.errors import DeadlineExceeded, InvalidRequest
from strategies.base.ports import ScorerLookup
from strategies.base.types import Candidate, Prompt
from strategies.catalog import parse
from strategies.parts.thinking import split_thinking
from strategies.sampling.shown import shown

router = strict_router()


@router.post("/v1/score")
async def score(
    body: ScoreRequest, request: Request, service: Annotated[AppState, Depends(get_state)]
) -> Response:
    """What a loaded scorer gives each text as the answer to the question, in order."""
    limits = service.settings.limits
    check_count(body.texts, limits.max_score_texts, "texts")
    check_count(body.messages or (), limits.max_messages, "messages")
    return JSONResponse(await unless_disconnected(request, _score(body, service)))


async def _score(body: ScoreRequest, service: AppState) -> dict[str, Any]:
    name = body.scorer or service.scorers.default(("outcome", "step"))
    kind = service.scorers.kind(name)
    read = shown(kind, sees_reasoning=service.scorers.sees_reasoning(name))
    texts = [
        read(Candidate(i, text, 0, "stop", parts=split_thinking(text))) for i, text in enumerate(body.texts)
    ]
    meter = Meter()
    limits = service.settings.limits
    bounds = RequestLimits(
        time.monotonic() + limits.deadline_ms / 1000, max_request_tokens=limits.max_request_tokens
    )
    scorers = MeteredScorers(service.scorers, meter, bounds, service.metrics)
    question = body.question()
    with observe_run(meter, None, body_of_run) as watch:
        async with service.runner.admission.place(meter, reading_cost(question, body.texts, "texts")):
            data = await (_scores if kind == "outcome" else _step_scores)(scorers, name, question, texts)
        if meter.limit == "deadline":
            raise DeadlineExceeded("the deadline passed before every text had its score")
        watch.outcome = "ok" if meter.limit is None else "degraded"
    usage = {"reward_model_tokens": meter.reward_model_tokens}
    if judged := meter.tokens["judge"]:
        usage["judge_tokens"] = judged
    told = {"object": "list", "scorer": name, "kind": kind, "data": data, "usage": usage}
    return told if meter.limit is None else told | {"degraded": meter.limit}


async def _scores(
    scorers: ScorerLookup, name: str, question: Prompt, texts: Sequence[str]
) -> list[dict[str, Any]]:
    scores = await scorers.outcome(name).score(question, texts)
    data: list[dict[str, Any]] = [{"index": i, "score": value} for i, value in enumerate(scores.values)]
    for i in scores.truncated:
        data[i]["truncated"] = True
    return data


async def _step_scores(
    scorers: ScorerLookup, name: str, question: Prompt, texts: Sequence[str]
) -> list[dict[str, Any]]:
    scorer = scorers.step(name)
    answers = [split_steps(text, scorer.delimiter) for text in texts]
    values = (await scorer.score(question, answers)).values
    return [
        {"index": i, "steps": list(steps), "step_scores": None if scores is None else list(scores)}
        for i, (steps, scores) in enumerate(zip(answers, values, strict=True))
    ]


@router.post("/v1/select")
async def select(
    body: SelectRequest, request: Request, service: Annotated[AppState, Depends(get_state)]
) -> Response:
    """Which of the given candidates the strategy selects, best first: its own code, and nothing is generated."""
    limits = service.settings.limits
    check_count(body.candidates, limits.max_select_candidates, "candidates")
    check_count(body.messages or (), limits.max_messages, "messages")
    return JSONResponse(await unless_disconnected(request, _select(body, service)))


async def _select(body: SelectRequest, service: AppState) -> dict[str, Any]:
    strategy = parse(body.strategy).for_precomputed(len(body.candidates))
    candidates = tuple(given.candidate(i) for i, given in enumerate(body.candidates))
    scorers = _scorers(body, service, strategy.scorer_kinds if strategy.uses_scorer else ())
    question = body.question(body.k)
    read = [] if isinstance(scorers, PrecomputedScores) else [c.text for c in candidates if c.score is None]
    run = await service.runner.select(
        strategy, question, PrecomputedEngine(candidates), scorers, reading_cost(question, read, "candidates")
    )
    return {"object": "selection", "selected": list(run.outcome.selected)} | explanation(run)


def _scorers(body: SelectRequest, service: AppState, kinds: Sequence[str]) -> ScorerLookup:
    """The loaded scorers where a candidate needs one, and then there must be a question to score it by."""
    bare = [i for i, given in enumerate(body.candidates) if not given.is_scored]
    if not bare or not kinds:
        return PrecomputedScores()
    if not body.has_question:
        message = f"candidate {bare[0]} has no score: send messages or prompt to have it scored"
        raise InvalidRequest(message, param=f"candidates.{bare[0]}.score")
    return service.scorers
