"""What top-H costs and keeps: decode steps of the embedded model with and without it, in turn, in one engine.

    python -m benchmarks.top_h [--pairs 15] [--batch 32] [--variant paper]
    python -m benchmarks.top_h --kept

Both sides generate the same number of tokens for the same prompt with the same seeds. Quoted is the median of the
ratios of pairs, since what else runs on the machine slows both sides of a pair; more than 3 % is a failure. `--kept`
counts the tokens that each variant keeps of the model's own distributions.
"""

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import replace
from typing import Any, get_args

from benchmarks.claims import Claim
from service.embedded.build import build_generator
from service.embedded.paths import GENERATOR_NAME
from service.engine.group_lock import GroupLock
from service.engine.settings import EngineSettings
from service.engine.vllm.engine import VllmEngine
from strategies.base.types import Decoding, Message, Prompt, TopHVariant

STEPS = 64
ALPHA = 0.4
MOST_ADDED = 0.03
QUESTIONS = (
    "Write a short story about a lighthouse keeper.",
    "What is 17 times 23? Think step by step.",
    "Give me three ideas for a birthday party.",
    "Explain why the sky is blue.",
    "Write a poem about rain.",
    "A train travels 60 miles in 1.5 hours. What is its speed?",
)


async def step_ms(engine: VllmEngine, decoding: Decoding, batch: int) -> float:
    """Wall-clock milliseconds a decode step, the prompt's included."""
    prompt = Prompt((Message("user", QUESTIONS[0]),), decoding=decoding)
    begun = time.perf_counter()
    async with engine.sample(prompt, batch) as candidates:
        tokens = sum([candidate.tokens async for candidate in candidates])
    if tokens != batch * STEPS:
        raise RuntimeError(f"{tokens} tokens were generated where {batch * STEPS} were asked for")
    return (time.perf_counter() - begun) * 1000 / STEPS


async def cost(engine: VllmEngine, pairs: int, batch: int, variant: TopHVariant, temperature: float) -> Claim:
    """Print the time of a step without and with top-H, and what the second adds."""
    off = Decoding(temperature=temperature, max_tokens=STEPS, ignore_eos=True)
    on = replace(off, top_h=ALPHA, top_h_variant=variant)
    times: dict[bool, list[float]] = {False: [], True: []}
    try:
        for pair in range(pairs + 1):
            for is_on in (False, True) if pair % 2 else (True, False):
                seeded = replace(on if is_on else off, seed=pair)
                times[is_on].append(await step_ms(engine, seeded, batch))
    finally:
        await engine.aclose()
    # The first pair warms up.
    without, within = times[False][1:], times[True][1:]
    ratios = sorted(b / a for a, b in zip(without, within, strict=True))
    print(f"batch {batch}, temperature {temperature}, {variant}, {pairs} pairs of {STEPS} steps")
    print(f"without top-H  {statistics.median(without):7.2f} ms a step (best {min(without):.2f})")
    print(f"with top-H     {statistics.median(within):7.2f} ms a step (best {min(within):.2f})")
    quartiles = statistics.quantiles(ratios, n=4)
    print(f"added          {100 * statistics.median(ratios) - 100:+7.2f} % (median of pairs;", end=" ")
    print(f"quartiles {100 * quartiles[0] - 100:+.2f} and {100 * quartiles[2] - 100:+.2f} %)")
    return added(statistics.median(ratios))


def added(ratio: float) -> Claim:
    """Whether top-H adds no more to a step than it may; `ratio` is the time with it to the time without."""
    holds = ratio <= 1 + MOST_ADDED
    verb = "adds no more than it may" if holds else "ADDS MORE THAN IT MAY"
    return Claim(f"Top-H {verb}: {ratio - 1:+.2%} of a step, where {MOST_ADDED:.0%} are allowed.", holds)


def kept() -> None:
    """Print the mean tokens that each variant keeps at 288 positions of what the model writes."""
    from strategies.decoding.top_h import keep_mask

    logits = written()
    print("temperature  " + "  ".join(f"{variant:>12}" for variant in get_args(TopHVariant)))
    for temperature in (0.7, 1.0, 1.5, 2.0):
        masks = [keep_mask(logits / temperature, ALPHA, variant) for variant in get_args(TopHVariant)]
        print(f"{temperature:11}  " + "  ".join(f"{mask.sum(1).float().mean():12.1f}" for mask in masks))


def written() -> Any:
    """Logits [288, vocabulary] of the model at each token of answers that it draws at temperature 1."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    folder = build_generator()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    rows = []
    with torch.inference_mode():
        for question in QUESTIONS:
            chat = [{"role": "user", "content": question}]
            ids = tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )["input_ids"]
            answer = model.generate(ids, do_sample=True, top_k=0, min_new_tokens=48, max_new_tokens=48)
            rows.append(model(answer).logits[0, ids.shape[1] - 1 : -1].float())
    return torch.cat(rows)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--pairs", type=int, default=15)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--temperature", type=float, default=1.0)
    options.add_argument("--variant", choices=get_args(TopHVariant), default="paper")
    options.add_argument("--kept", action="store_true", help="count tokens, without an engine")
    given = options.parse_args()
    if given.kept:
        kept()
        return 0
    settings = EngineSettings(max_num_seqs=given.batch, max_model_len=1024)
    engine = VllmEngine.start(settings, str(build_generator()), GENERATOR_NAME, GroupLock())
    claim = asyncio.run(cost(engine, given.pairs, given.batch, given.variant, given.temperature))
    print(claim.text)
    return 0 if claim.holds else 1


if __name__ == "__main__":
    sys.exit(main())
