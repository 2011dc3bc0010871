"""Candidates scored a second: our scorer, bare vLLM pooling, and transformers in a plain loop with padding, in turn.

    python -m benchmarks.scoring [--n 64] [--rounds 9] [--batch 16]

All three read the same candidates of one question with the embedded reward model in float32 on the same cores. Our
scorer is asked as Best-of-N asks it, one call a candidate, and tokenises them; the other two are handed token ids. The
plain loop reads batches of `--batch` in order of arrival, padded to the longest of the batch. Before each turn vLLM's
prefix cache is emptied, so that it helps within the round and not from one to the next.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from service.app import scorer_path
from service.embedded.problems.problems import Problem, chat, problems
from service.engine.group_lock import GroupLock
from service.engine.host.cpu_cores import usable_cores
from service.engine.settings import EMBEDDED
from service.reward_models.loading.loader import load_scorers
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.pooling.engine_args import pooling_params
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from service.reward_models.pooling.settings import ScorerSettings
from strategies.base.types import Message, Prompt

ASKED: Final = {"transformers": 1.5, "vllm": 0.9}
"""How many times the candidates a second of each our scorer is asked to reach."""

TOLERANCE: Final = 1e-3

Side = Callable[[], Awaitable[list[float]]]


@dataclass(frozen=True)
class Round:
    """One question and its candidates: as text, and as the token ids that the reward model reads."""

    prompt: Prompt
    texts: list[str]
    ids: list[list[int]]


def candidates(problem: Problem, n: int, seed: int) -> list[str]:
    """Answers of two to five sentences, all different, as unlike each other in length as a generator's are."""
    rng = random.Random(seed)
    others = problems("train", 200, seed=seed)
    return [
        " ".join(rng.choice(others).question for _ in range(rng.randint(1, 4)))
        + f" So the answer is {problem.answer + i}."
        for i in range(n)
    ]


def make_round(scorer: PooledOutcomeScorer, problem: Problem, n: int, seed: int) -> Round:
    messages = tuple(Message(message["role"], message["content"]) for message in chat(problem))
    texts = candidates(problem, n, seed)
    ids = [scorer.tokenizer.conversation(messages, text).ids for text in texts]
    return Round(Prompt(messages), texts, ids)


class PlainLoop:
    """The model card's recipe over batches: what one writes without a server."""

    def __init__(self, folder: Path, batch: int) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification

        torch.set_num_threads(len(usable_cores()))
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        self._torch: Any = torch
        self._model: Any = loaded.eval()
        self._batch = batch

    def score(self, inputs: Sequence[Sequence[int]]) -> list[float]:
        values: list[float] = []
        for start in range(0, len(inputs), self._batch):
            values += self._read(inputs[start : start + self._batch])
        return values

    def _read(self, inputs: Sequence[Sequence[int]]) -> list[float]:
        torch, pad, longest = self._torch, self._model.config.pad_token_id, max(map(len, inputs))
        ids = torch.tensor([[*one, *[pad] * (longest - len(one))] for one in inputs])
        lengths = torch.tensor([len(one) for one in inputs])
        mask = (torch.arange(longest)[None] < lengths[:, None]).long()
        with torch.inference_mode():
            values: list[float] = self._model(input_ids=ids, attention_mask=mask).logits[:, 0].tolist()
        return values


async def bare(llm: Any, inputs: Sequence[Sequence[int]]) -> list[float]:
    """vLLM's pooling engine, asked for everything at once."""

    async def one(ids: Sequence[int]) -> float:
        params = pooling_params("classify", True)
        last: Any = None
        async for output in llm.encode({"prompt_token_ids": list(ids)}, params, f"bare-{uuid4().hex}"):
            last = output
        return float(last.outputs.data.reshape(-1)[0])

    return list(await asyncio.gather(*map(one, inputs)))


async def ours(scorer: PooledOutcomeScorer, work: Round) -> list[float]:
    scores = await asyncio.gather(*(scorer.score(work.prompt, [text]) for text in work.texts))
    return [value for score in scores for value in score.values if value is not None]


async def measure(scorer: PooledOutcomeScorer, llm: Any, plain: PlainLoop, n: int, rounds: int) -> None:
    """Each side in turn on each question, a different one first each time; the first round warms up."""
    seconds: dict[str, list[float]] = {"nbest": [], "vllm": [], "transformers": []}
    for number, problem in enumerate(problems("test", rounds + 1)):
        work = make_round(scorer, problem, n, seed=number)
        sides = _sides(scorer, llm, plain, work)
        order = list(sides)[number % 3 :] + list(sides)[: number % 3]
        took: dict[str, float] = {}
        values: dict[str, list[float]] = {}
        for name in order:
            await llm.reset_prefix_cache()
            started = time.perf_counter()
            values[name] = await sides[name]()
            took[name] = time.perf_counter() - started
        _check_equal(values)
        for name in order if number else ():
            seconds[name].append(took[name])
    _print(seconds, n, rounds)


def _sides(scorer: PooledOutcomeScorer, llm: Any, plain: PlainLoop, work: Round) -> dict[str, Side]:
    return {
        "nbest": lambda: ours(scorer, work),
        "vllm": lambda: bare(llm, work.ids),
        "transformers": lambda: asyncio.to_thread(plain.score, work.ids),
    }


def _check_equal(values: dict[str, list[float]]) -> None:
    """A side that computes something else has not won anything."""
    for name, found in values.items():
        apart = max(abs(a - b) for a, b in zip(found, values["transformers"], strict=True))
        if apart > TOLERANCE:
            raise SystemExit(f"the scores of {name} are up to {apart:.2g} away from those of transformers")


def _print(seconds: dict[str, list[float]], n: int, rounds: int) -> None:
    print(f"candidates scored a second, N={n}, {rounds} rounds on {len(usable_cores())} cores, medians")
    for name, took in seconds.items():
        print(f"  {name:13} {n / statistics.median(took):8.1f}   {statistics.median(took):.3f} s a round")
    for name, least in ASKED.items():
        ratios = [other / own for own, other in zip(seconds["nbest"], seconds[name], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        verdict = "ok" if middle >= least else "MISSED"
        print(
            f"  nbest / {name:13} {middle:.2f} (quartiles {low:.2f} to {high:.2f}), asked {least}: {verdict}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=16)
    asked = parser.parse_args()
    settings = ScorerSettings(name="outcome", kind="outcome", max_num_seqs=asked.n)
    loaded = load_scorers([settings], scorer_path, GroupLock())
    engine, scorer = loaded.engines["outcome"], loaded.outcome(None)
    assert isinstance(engine, PoolingEngine)
    assert isinstance(scorer, PooledOutcomeScorer)
    try:
        # The very engine that the scorer reads, without what the service puts around it.
        llm = engine._living()
        plain = PlainLoop(Path(scorer_path(EMBEDDED)), asked.batch)
        asyncio.run(measure(scorer, llm, plain, asked.n, asked.rounds))
    finally:
        engine.close()


if __name__ == "__main__":
    main()
