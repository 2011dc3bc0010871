"""One vLLM engine on a causal language model that writes nothing: token ids in, their log-probabilities out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from service.engine.group_lock import GroupLock
from service.engine.host.process_tree import children
from service.engine.vllm.engine_args import bind_threads, prepare_environment
from service.reward_models.base.errors import FailureReason, PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.base.model_config import PoolingEngineConfig
from service.reward_models.base.ports import PoolingOutput
from service.reward_models.pooling.engine import PoolingEngine, engine_input
from service.reward_models.pooling.engine_args import engine_arguments


class LanguageEngine(PoolingEngine):
    """A language model in an engine of its own; it lives, fails and takes turns as a pooling engine does.

    vLLM tells the log-probabilities of a prompt only while it reads it, so nothing is taken from the prefix cache.
    """

    @classmethod
    def start(cls, shape: PoolingEngineConfig, checkpoint: Path, lock: GroupLock) -> "LanguageEngine":
        """Load the checkpoint; blocks for 10 to 20 s. Call it as `PoolingEngine.start` is called."""
        before = children()
        # Never a local here, for the reason given there.
        found = cls._around(_start(shape, checkpoint), lock, before, shape)
        assert isinstance(found, cls)
        return found

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        """The log-probability of each token from `start` on, in nats: a reading of one row."""
        # One token is written behind each input, since vLLM has no request that writes none.
        self._check([[*query.ids, 0] for query in queries])
        return await self._in_turn(self._logprobs_of, queries)

    async def _logprobs_of(self, query: TextQuery) -> PoolingOutput:
        found = await self._read(query.ids)
        if found is None or len(found) != len(query.ids):
            raise PoolingFailed(f"no log-probabilities of {len(query.ids)} tokens", "aborted")
        row = tuple(found[i][query.ids[i]].logprob for i in range(query.start, len(query.ids)))
        return PoolingOutput((row,), len(query.ids))

    async def _read(self, ids: Sequence[int]) -> Any:
        """What vLLM says of each token of a prompt; None where the request was aborted."""
        engine: Any = self._living()
        outputs = engine.generate(engine_input(ids), _params(), f"score-{uuid4().hex}")
        found: Any = None
        try:
            async for output in outputs:
                found = output.prompt_logprobs or found
        except Exception as error:
            reason: FailureReason = "engine_dead" if engine.errored else "error"
            raise PoolingFailed(f"its engine failed ({type(error).__name__}: {error})", reason) from error
        finally:
            await outputs.aclose()
        return found


def _start(shape: PoolingEngineConfig, checkpoint: Path) -> Any:
    prepare_environment(str(checkpoint))
    bind_threads(shape.cpu_cores, workers=1)
    from vllm import AsyncEngineArgs
    from vllm.platforms import current_platform
    from vllm.v1.engine.async_llm import AsyncLLM

    arguments = engine_arguments(shape, checkpoint, on_cpu=current_platform.is_cpu())
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**{**arguments, "runner": "generate"}))


def _params() -> Any:
    """One greedy token, which is thrown away, and the log-probability of each token of the prompt."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=1,
        temperature=0.0,
        prompt_logprobs=0,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
