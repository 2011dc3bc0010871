"""`POST /v1/completions`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from service.protocol.completions import CompletionRequest, CompletionStream, completion
from service.routes.dependencies import AppState, get_state
from service.routes.generation import answer_stream, answer_whole, chosen_strategy, new_id
from service.routes.strict_json import strict_router

router = strict_router()


@router.post("/v1/completions")
async def completions(
    body: CompletionRequest, request: Request, service: Annotated[AppState, Depends(get_state)]
) -> Response:
    """Continue a text with the strategy that the request names; without one, with a plain sample."""
    strategy = chosen_strategy(service, body)
    prompt = body.to_prompt(dict(service.engine.info.defaults), service.settings.limits.default_max_tokens)
    id = new_id("cmpl")
    echo = body.text if body.echo else ""
    if not body.stream:
        return await answer_whole(
            request,
            service,
            strategy,
            prompt,
            "completions",
            lambda run: completion(run, id=id, model=body.model, fingerprint=service.fingerprint, echo=echo),
        )
    stream = CompletionStream(
        id=id, model=body.model, fingerprint=service.fingerprint, echo=echo, usage=body.streams_usage
    )
    return await answer_stream(request, service, strategy, prompt, "completions", stream)
