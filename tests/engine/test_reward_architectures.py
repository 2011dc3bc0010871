"""Each architecture that vLLM loads scores as its model card says: mixed lengths together, then from the cache."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.engine.group_lock import GroupLock
from service.reward_models.loading.loader import load_scorers
from service.reward_models.pooling.pair_tokenizer import PairTokenizer
from service.reward_models.pooling.settings import ScorerSettings
from strategies.base.ports import OutcomeScorer
from strategies.base.types import Message, Prompt
from tests.service.reward_models import tiny
from tests.service.reward_models.tiny_parts import Tiny

pytestmark = pytest.mark.engine

TOLERANCE = 1e-4
QUESTION = "What is 17 + 25? Say how you know, in as many words as it takes to fill a block of the cache."
PROMPT = Prompt((Message("user", QUESTION),))
ANSWERS = ["42", "It is 42, since 17 and 25 make 42.\nThe answer is 42.", "né 数 🙂 " * 9, "?", "so 42 " * 20]

Loaded = tuple[Tiny, OutcomeScorer]


@pytest.fixture(params=[*tiny.CHAT, *tiny.PAIRS])
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loaded]:
    made = (tiny.CHAT | tiny.PAIRS)[request.param](tmp_path)
    settings = ScorerSettings(
        name="tiny",
        kind="outcome",
        model=str(tmp_path),
        input="pair" if request.param in tiny.PAIRS else "chat",
        kv_cache_mib=64,
        max_model_len=448,
    )
    scorers = load_scorers([settings], str, GroupLock())
    try:
        yield made, scorers.outcome(None)
    finally:
        scorers.engines["tiny"].close()


async def test_scores_equal_the_recipe_together_and_from_the_cache(
    loaded: Loaded, request: pytest.FixtureRequest
) -> None:
    made, scorer = loaded
    if "pair" in str(getattr(scorer, "tokenizer", "")).lower():
        ids = [PairTokenizer(made.folder).conversation(PROMPT.messages, answer).ids for answer in ANSWERS]
    else:
        ids = [made.chat_ids(QUESTION, answer) for answer in ANSWERS]
    expected = [made.row(one)[0] for one in ids]
    assert len({round(value, 3) for value in expected}) == len(ANSWERS)
    first = await scorer.score(PROMPT, ANSWERS)
    again = await scorer.score(PROMPT, [*ANSWERS[::-1], ANSWERS[0]])
    assert first.values == pytest.approx(expected, abs=TOLERANCE)
    assert again.values == pytest.approx([*expected[::-1], expected[0]], abs=TOLERANCE)
    # An encoder that looks both ways has nothing to keep.
    is_encoder = made.tokenizer.cls_token_id in ids[0]
    assert (again.cached > 0) == (not is_encoder)
