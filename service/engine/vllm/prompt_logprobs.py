"""Given texts read by vLLM: the log-probabilities of their tokens as part of a prompt; one token more is dropped."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from vllm import SamplingParams
from vllm.inputs import tokens_input
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.exceptions import EngineGenerateError

from service.engine.ports import TextLogprobs
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.engine.vllm.errors import translated
from service.engine.vllm.requests import Requests
from service.keys.caller import current
from strategies.base.concurrency import each_as_it_ends
from strategies.base.errors import EngineFailed, PromptTooLong
from strategies.base.types import Prompt, floored


@dataclass(frozen=True, slots=True)
class Place:
    """What is read: the ids of prompt and text, and which of them are the text's."""

    ids: list[int]
    own: list[int]


async def read(
    requests: Requests, prompt: Prompt, texts: Sequence[str], alternatives: int
) -> list[TextLogprobs]:
    """Every text side by side. vLLM reads the whole input anew: log-probabilities of a prompt turn its cache off."""
    # Tokenising is work for a core, so it goes to a thread and the loop stays free.
    places = await asyncio.to_thread(lambda: [placed(requests.tokenizer, prompt, text) for text in texts])
    longest = requests.llm.model_config.max_model_len
    for place in places:
        if len(place.ids) >= longest:
            raise PromptTooLong.by(
                len(place.ids), longest, param="messages" if prompt.text is None else "prompt"
            )
    async with each_as_it_ends(
        _numbered(requests, i, places[i], alternatives) for i in range(len(places))
    ) as ended:
        by_index = {i: text async for i, text in ended}
    return [by_index[i] for i in range(len(places))]


def placed(tokenizer: ChatTokenizer, prompt: Prompt, text: str) -> Place:
    """The text behind the prompt as the model would have written it: in the chat's template, or after raw text."""
    if prompt.text is not None:
        before, own = tokenizer.prompt_ids(prompt), tokenizer.vocabulary.ids(text) if text else []
        return Place(before + own, list(range(len(before), len(before) + len(own))))
    conversation = tokenizer.conversation(prompt.messages, text)
    return Place(conversation.ids, [i for i, end in enumerate(conversation.answer_ends) if end >= 0])


async def _numbered(
    requests: Requests, index: int, place: Place, alternatives: int
) -> tuple[int, TextLogprobs]:
    try:
        return index, await _one(requests, place, alternatives)
    except EngineGenerateError as error:
        raise EngineFailed("the engine failed on a text that it was to read") from error


async def _one(requests: Requests, place: Place, alternatives: int) -> TextLogprobs:
    params = SamplingParams(
        max_tokens=1,
        temperature=0.0,
        prompt_logprobs=alternatives,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
    last: Any = None
    async with requests.lock.take("generate"):
        with translated():
            items = requests.llm.generate(
                tokens_input(place.ids, cache_salt=current().cache_salt),
                params,
                secrets.token_hex(8),
                priority=-1,
            )
            # Leaving a loop over the items does not abort the request; closing the generator does.
            async with aclosing(items):
                async for item in items:
                    last = item
    rows = last.prompt_logprobs if last is not None else None
    if rows is None or len(rows) != len(place.ids):
        raise EngineFailed("the engine gave no log-probabilities of the text")
    return read_text(rows, place, alternatives, generated=len(last.outputs[0].token_ids))


def read_text(rows: Sequence[Any], place: Place, alternatives: int, *, generated: int) -> TextLogprobs:
    """vLLM's rows, one a token of the input (none for the first), to those of the text."""
    own = [i for i in place.own if rows[i] is not None]
    tops = tuple(
        tuple(
            sorted(
                (floored(e.logprob) for e in rows[i].values() if (e.rank or 0) <= alternatives), reverse=True
            )
        )
        for i in own
    )
    return TextLogprobs(
        logprobs=tuple(floored(rows[i][place.ids[i]].logprob) for i in own),
        tops=tops if alternatives else (),
        tokens=len(place.ids),
        generated=generated,
    )
