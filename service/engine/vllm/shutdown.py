"""The end of an AsyncLLM that was asked for, without the errors that vLLM logs of one that was not."""

from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError


def stop_listening(llm: AsyncLLM) -> None:
    """Call it in the engine's event loop before its shutdown; what is still in flight fails as with a dead engine."""
    if llm.output_handler is not None:
        # It would log the end of the engine's process as an error.
        llm.output_handler.cancel()
        llm.output_processor.propagate_error(EngineDeadError())
