"""Decoding to vLLM's SamplingParams: every field is honoured or refused, in this one place."""

from typing import Final

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

from service.engine.vllm.compat import VLLMClientError
from service.engine.vllm.errors import invalid
from strategies.base.errors import Unsupported
from strategies.base.types import Decoding

FINAL: Final = RequestOutputKind.FINAL_ONLY
DELTA: Final = RequestOutputKind.DELTA


def sampling_params(decoding: Decoding, *, has_top_h: bool, streams: bool = False) -> SamplingParams:
    """One candidate's parameters, without its seed. InvalidRequest names the field that is out of range."""
    if decoding.top_h is not None and not has_top_h:
        message = (
            "this engine has no top-H truncation: it was started with other logits processors, or with "
            "speculative decoding on a vLLM model runner that has none beside it"
        )
        raise Unsupported(message, param="top_h")
    try:
        return SamplingParams(
            n=1,
            max_tokens=decoding.max_tokens,
            min_tokens=decoding.min_tokens,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            top_k=decoding.top_k,
            min_p=decoding.min_p,
            presence_penalty=decoding.presence_penalty,
            frequency_penalty=decoding.frequency_penalty,
            repetition_penalty=decoding.repetition_penalty,
            stop=list(decoding.stop),
            stop_token_ids=list(decoding.stop_token_ids),
            ignore_eos=decoding.ignore_eos,
            logit_bias=dict(decoding.logit_bias) or None,
            logprobs=decoding.logprobs,
            thinking_token_budget=decoding.thinking_token_budget,
            structured_outputs=_grammar(decoding.json_schema),
            extra_args=_top_h(decoding),
            output_kind=DELTA if streams else FINAL,
        )
    except (VLLMClientError, ValueError) as error:
        raise invalid(error) from None


def _top_h(decoding: Decoding) -> dict[str, float | str] | None:
    if decoding.top_h is None:
        return None
    return {"top_h": decoding.top_h, "top_h_variant": decoding.top_h_variant}


def _grammar(json_schema: str | None) -> StructuredOutputsParams | None:
    return None if json_schema is None else StructuredOutputsParams(json=json_schema)
