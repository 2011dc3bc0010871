"""`POST /v1/chat/completions`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from service.protocol.chat import ChatRequest, ChatStream, ReplyFields, completion
from service.routes.dependencies import AppState, get_state
from service.routes.generation import answer_stream, answer_whole, chosen_strategy, new_id
from service.routes.strict_json import strict_router

router = strict_router()


@router.post("/v1/chat/completions")
async def chat(
    body: ChatRequest, request: Request, service: Annotated[AppState, Depends(get_state)]
) -> Response:
    """Answer a conversation with the strategy that the request names; without one, with a plain sample."""
    strategy = chosen_strategy(service, body)
    prompt = body.prompt(dict(service.engine.info.defaults), service.settings.limits.default_max_tokens)
    fields = ReplyFields(
        new_id("chatcmpl"),
        body.model,
        service.fingerprint,
        bool(body.logprobs),
        body.tells_reasoning,
        named_tool=prompt.tools is not None and prompt.tools.choice == "named",
    )
    if not body.stream:
        return await answer_whole(
            request, service, strategy, prompt, "chat", lambda run: completion(run, fields)
        )
    stream = ChatStream(fields, usage=body.streams_usage)
    return await answer_stream(request, service, strategy, prompt, "chat", stream)
