"""Names that vLLM gained lately, with what stands in for them in releases older than nbest promises.

nbest promises what pyproject.toml names; `make gpu-check` runs on what it finds, and 0.26 is the newest for torch 2.11.
"""

from typing import TYPE_CHECKING, Any

try:
    from vllm.exceptions import VLLMClientError
except ImportError:
    from vllm.exceptions import VLLMValidationError as VLLMClientError

try:
    from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext
    from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsProcessor as V2Processor
except ImportError:
    # Without them the newer model runner takes no logits processors, and vLLM starts the older one.
    LogitsContext = Any
    if not TYPE_CHECKING:

        class V2Processor:
            """Nothing to implement."""


def unfinished_requests(llm: Any) -> int:
    """How many requests have not ended; older releases count them in a part of the engine alone."""
    counter = llm if hasattr(llm, "get_num_unfinished_requests") else llm.output_processor
    count: int = counter.get_num_unfinished_requests()
    return count


__all__ = ["LogitsContext", "V2Processor", "VLLMClientError", "unfinished_requests"]
