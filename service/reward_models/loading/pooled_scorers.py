"""A scorer on a head that is read here: its parts, by its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.reward_models.base.builder import Built
from service.reward_models.base.ports import PoolingModel, ScorerInfo
from service.reward_models.base.rendering import Conversations
from service.reward_models.base.sanity_check import ARITHMETIC, RELEVANCE
from service.reward_models.base.settings import SanityCheck
from service.reward_models.loading.plan import Plan
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from service.reward_models.pooling.row_cache import LogitsCache
from service.reward_models.pooling.settings import Loaded
from service.reward_models.process.scorer import PooledStepScorer
from service.reward_models.process.steps import EndsOfSteps
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from strategies.base.ports import OutcomeScorer, StepScorer


def known_pair(scorer: Loaded) -> SanityCheck | None:
    """The pair that a configured scorer has to tell apart; None where it is told not to be checked, or has no model."""
    if scorer.sanity_check is False or scorer.backend == "scripted":
        return None
    return scorer.sanity_check or (RELEVANCE if scorer.input == "pair" else ARITHMETIC)


OpenTokenizer = Callable[[Plan], Conversations]
"""What makes the tokenizer of a plan's model."""


@dataclass(frozen=True, slots=True)
class Running:
    """A plan carried out: what the scorers of one model share."""

    plan: Plan
    engine: PoolingModel
    tokenizer: Conversations
    memo: LogitsCache


def open_tokenizer(plan: Plan) -> Conversations:
    """The checkpoint's own tokenizer, with its chat template, the configured one, or for pairs."""
    first = plan.members[0]
    # Imported here so that a service with scripted scorers alone needs no model library.
    if first.input == "pair":
        from service.reward_models.pooling.pair_tokenizer import PairTokenizer

        return PairTokenizer(plan.checkpoint.path)
    from service.engine.tokenizer.chat_tokenizer import ChatTokenizer

    if first.template is None:
        return ChatTokenizer(plan.checkpoint.path)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(plan.checkpoint.path), trust_remote_code=False)
    tokenizer.chat_template = Path(first.template).read_text(encoding="utf-8")
    return ChatTokenizer(tokenizer)


def pooled_scorer(scorer: Loaded, run: Running | None) -> Built:
    info = _info(scorer, run)
    pair = known_pair(scorer)
    if scorer.kind == "outcome":
        return Built(info, outcome=_outcome(scorer, run), check=pair)
    return Built(info, step=_step(scorer, run), check=pair)


def _outcome(scorer: Loaded, run: Running | None) -> OutcomeScorer:
    if run is None:
        return ScriptedOutcomeScorer(scorer.name)
    head = Head(scorer.label, scorer.activation)
    checkpoint = run.plan.checkpoint
    return PooledOutcomeScorer(
        scorer.name,
        run.tokenizer,
        run.engine,
        head,
        checkpoint.pad_token_id,
        checkpoint.end_token_id,
        truncates=scorer.truncation == "truncate_left",
    )


def _step(scorer: Loaded, run: Running | None) -> StepScorer:
    if run is None:
        return ScriptedStepScorer(scorer.name, delimiter=scorer.step_delimiter)
    head = Head(scorer.label, scorer.activation)
    return PooledStepScorer(
        scorer.name, EndsOfSteps(run.tokenizer), run.engine, head, scorer.step_delimiter, run.memo
    )


def _info(scorer: Loaded, run: Running | None) -> ScorerInfo:
    delimiter = scorer.step_delimiter if scorer.kind == "step" else None
    if run is None:
        return ScorerInfo(
            scorer.name, scorer.kind, scorer.backend, model="scripted", step_delimiter=delimiter
        )
    return ScorerInfo(
        scorer.name,
        scorer.kind,
        scorer.backend,
        model=scorer.model,
        dtype=run.engine.dtype,
        max_model_len=run.engine.max_model_len,
        parameters=run.plan.checkpoint.parameters,
        label=scorer.label,
        activation=scorer.activation,
        step_delimiter=delimiter,
    )
