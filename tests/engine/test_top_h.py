"""Top-H on the embedded model: its real logits against loops and transformers, and its effect on what is drawn."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from service.embedded.build import build_generator
from service.engine.settings import EngineSettings
from service.engine.vllm.engine import VllmEngine, loads_processors
from service.engine.vllm.engine_args import engine_arguments
from strategies.base.errors import InvalidRequest
from strategies.base.types import Candidate, Decoding
from strategies.decoding.top_h import keep_mask
from tests.engine.conftest import ask
from tests.strategies.decoding.slow_top_h import slow_top_h

pytestmark = pytest.mark.engine

STORY = "Tell me a story about a ship."
TEXT = (
    "The harbour was quiet when the old captain came down to his ship. Nobody had seen her sail for eleven years, "
    "and the boards of her deck were grey with salt. He put his hand on the rail, laughed, and began to count: "
) + " ".join(f"{i} and {i * i} make {i + i * i}," for i in range(2, 40))
# The embedded model's own vocabulary, and that of larger models.
VOCABULARIES = [49_152, 151_936]


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    return build_generator()


@pytest.fixture(scope="module")
def real_logits(checkpoint: Path) -> Tensor:
    """What the model says at 256 positions of a text, at several temperatures, computed without vLLM."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.bfloat16)
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"][:, :256]
    with torch.inference_mode():
        logits: Tensor = model(ids).logits[0].float()
    return logits / torch.tensor([0.7, 1.0, 1.5, 2.0]).repeat(64)[:, None]


@pytest.fixture(params=VOCABULARIES)
def logits(request: pytest.FixtureRequest, real_logits: Tensor) -> Tensor:
    """The real logits, with a tail of unlikely tokens up to the size asked for."""
    tail = torch.randn(256, request.param - 49_152, generator=torch.Generator().manual_seed(0)) * 2 - 8
    return torch.cat([real_logits, tail], 1)


@pytest.mark.parametrize("rows", [1, 32, 256])
def test_the_papers_rule_on_real_logits_agrees_with_the_slow_loop(logits: Tensor, rows: int) -> None:
    alpha = torch.linspace(0.1, 0.7, rows)
    masks = keep_mask(logits[:rows], alpha)
    looked_at = range(0, rows, max(1, rows // 16))
    for row in looked_at:
        expected = slow_top_h(logits[row].tolist(), alpha[row].item(), "paper")
        assert set(masks[row].nonzero().flatten().tolist()) == expected


@pytest.mark.parametrize("rows", [1, 32, 256])
def test_transformers_own_code_keeps_the_same_of_real_logits(logits: Tensor, rows: int) -> None:
    from transformers.generation.logits_process import TopHLogitsWarper

    for alpha in (0.2, 0.4, 0.8):
        theirs = TopHLogitsWarper(alpha)(torch.empty(0), logits[:rows])
        assert torch.equal(keep_mask(logits[:rows], alpha, "transformers"), theirs > -torch.inf)


@pytest.mark.parametrize(("runner", "expected"), [(None, False), ("0", False)])
def test_beside_speculative_decoding_the_older_runner_is_not_given_it(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, runner: str | None, expected: bool
) -> None:
    if runner is not None:
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", runner)
    guessing = {"method": "ngram", "num_speculative_tokens": 2, "prompt_lookup_max": 3}
    settings = EngineSettings(engine_args={"speculative_config": guessing})
    arguments = engine_arguments(settings, str(checkpoint), "m", on_cpu=True)
    assert loads_processors(arguments) == expected
    assert loads_processors(engine_arguments(EngineSettings(), "m", "m", on_cpu=True))


async def drawn(engine: VllmEngine, decoding: Decoding, n: int = 1, start: int = 0) -> list[Candidate]:
    async with engine.sample(ask(STORY, decoding), n, start=start) as candidates:
        found = [candidate async for candidate in candidates]
    return sorted(found, key=lambda candidate: candidate.index)


HOT = Decoding(temperature=2.0, max_tokens=24, ignore_eos=True, seed=5)
on_one_engine = pytest.mark.asyncio(loop_scope="session")


@on_one_engine
@pytest.mark.parametrize("variant", ["paper", "transformers", "authors"])
async def test_a_tiny_alpha_is_greedy(generator: VllmEngine, variant: Any) -> None:
    greedy = await drawn(generator, replace(HOT, temperature=0, seed=None))
    bounded = await drawn(generator, replace(HOT, top_h=0.001, top_h_variant=variant))
    assert bounded[0].token_ids == greedy[0].token_ids


@on_one_engine
async def test_an_alpha_of_1_changes_nothing(generator: VllmEngine) -> None:
    assert (await drawn(generator, replace(HOT, top_h=1.0)))[0].text == (await drawn(generator, HOT))[0].text


@on_one_engine
async def test_requests_in_one_batch_keep_their_own_truncation(generator: VllmEngine) -> None:
    """Greedy, bounded by each rule, and unbounded ones come and go side by side; only the free ones write wildly."""
    told = replace(HOT, logprobs=0)
    kinds = [
        replace(told, top_h=0.15),
        told,
        replace(told, top_h=0.15, top_h_variant="authors"),
        replace(told, temperature=0, seed=None),
    ]
    decodings = [replace(kind, max_tokens=6 + 5 * i) for i, kind in enumerate(kinds * 2)]
    found = await asyncio.gather(
        *(drawn(generator, each, start=index) for index, each in enumerate(decodings))
    )
    for decoding, (candidate,) in zip(decodings, found, strict=True):
        assert candidate.logprob is not None
        mean = candidate.logprob / candidate.tokens
        is_bounded = decoding.top_h is not None or decoding.temperature == 0
        assert mean > -2.5 if is_bounded else mean < -4


@on_one_engine
async def test_top_h_meets_the_other_truncations_or_is_refused(generator: VllmEngine) -> None:
    both = await drawn(generator, replace(HOT, top_h=0.4, top_p=0.9, top_k=20), 2)
    assert [candidate.tokens for candidate in both] == [24, 24]
    unknown: Any = "theirs"
    faults = {
        "top_h": replace(HOT, top_h=1.5),
        "top_h_variant": replace(HOT, top_h=0.4, top_h_variant=unknown),
    }
    for field, wrong in faults.items():
        with pytest.raises(InvalidRequest) as refused:
            await drawn(generator, wrong)
        assert refused.value.param == field
