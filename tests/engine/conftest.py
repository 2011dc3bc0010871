"""One generator for the whole run: the embedded model, made small enough that its limits are met in seconds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.embedded.build import build_generator
from service.embedded.chat_templates import TOOLS_TEMPLATE
from service.embedded.paths import GENERATOR_NAME
from service.engine.group_lock import GroupLock
from service.engine.settings import EngineSettings
from service.engine.vllm.engine import VllmEngine
from strategies.base.types import Decoding, Message, Prompt

MAX_MODEL_LEN = 1024
MAX_NUM_SEQS = 16


@pytest.fixture(scope="session")
def lock() -> GroupLock:
    return GroupLock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def generator(lock: GroupLock) -> AsyncIterator[VllmEngine]:
    """Starts in the main thread and blocks the loop, which nothing else needs yet."""
    settings = EngineSettings(
        max_model_len=MAX_MODEL_LEN,
        max_num_seqs=MAX_NUM_SEQS,
        kv_cache_mib=256,
        chat_template=TOOLS_TEMPLATE,
        # The smallest step that holds the longest prompt: many prompts at once do not fit it.
        engine_args={"max_num_batched_tokens": MAX_MODEL_LEN},
    )
    engine = VllmEngine.start(settings, str(build_generator()), GENERATOR_NAME, lock)
    try:
        yield engine
    finally:
        await engine.aclose()


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One random layer under the embedded tokenizer, for tests to which it does not matter what it says."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer: Any = AutoTokenizer.from_pretrained(build_generator())
    tokenizer.save_pretrained(folder)
    config: Any = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    model: Any = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    return folder


def ask(question: str, decoding: Decoding) -> Prompt:
    return Prompt((Message("user", question),), decoding=decoding)


async def running(engine: VllmEngine, count: int) -> None:
    """Return once the engine has `count` requests; fail after a while."""
    for _ in range(3000):
        if engine.unfinished >= count:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{engine.unfinished} requests where {count} were expected")
