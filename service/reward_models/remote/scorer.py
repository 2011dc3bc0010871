"""A reward model on another server, asked over HTTP; its address comes from the settings and never from a request."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.errors import PoolingFailed, ScorerLoadError, failures_of
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.remote.apis import APIS, Api
from service.reward_models.remote.client import Answer, Caller
from service.reward_models.remote.settings import RemoteSettings
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import OutcomeScores
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class RemoteScorer:
    """An outcome scorer behind HTTP. Equal texts are sent once; batches go side by side, the first failure ends all."""

    settings: RemoteSettings
    api: Api
    caller: Caller

    @property
    def name(self) -> str:
        return self.settings.name

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text, as the server gives it. ScorerFailed, with its reason, if one text has none."""
        distinct = DistinctTexts(texts)
        size = self.settings.batch_size if self.api.takes_batches else 1
        batches = [distinct.texts[start : start + size] for start in range(0, len(distinct.texts), size)]
        with failures_of(self.name):
            told = await gather_in_order([self._batch(prompt, batch) for batch in batches])
        values = [value for scores in told for value in scores.values]
        return OutcomeScores(distinct.spread(values), sum(scores.tokens for scores in told))

    async def _batch(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        answer = await self.caller.post(self.api.path, self.api.body(prompt, texts, self.settings))
        return OutcomeScores(tuple(self.api.read(answer.body, len(texts), self.settings)), _tokens(answer))


@dataclass(frozen=True, slots=True)
class RemoteConnection:
    """The life of a remote scorer: its connections. The server's own life is its own."""

    caller: Caller
    path: str = "/health"

    async def check_health(self) -> None:
        """Return if the server answers at all; PoolingFailed if not."""
        try:
            await self.caller.client.get(self.path, timeout=5.0)
        except httpx.HTTPError as error:
            raise PoolingFailed(f"it cannot be reached ({type(error).__name__})", "unreachable") from error

    def close(self) -> None:
        """Nothing: connections are made by the first call, in the event loop, and `aclose` ends them there."""

    async def aclose(self) -> None:
        await self.caller.aclose()


def build(settings: RemoteSettings, materials: Materials) -> Built:
    """A scorer on the configured server, which is not called yet; ScorerLoadError if its token is missing."""
    caller = Caller(
        client_of(settings), settings.timeout_s, settings.retries, asyncio.Semaphore(settings.max_concurrency)
    )
    info = ScorerInfo(
        settings.name,
        "outcome",
        settings.backend,
        model=settings.model or "remote",
        rule=settings.api,
        url=settings.url,
    )
    return Built(
        info,
        outcome=RemoteScorer(settings, APIS[settings.api], caller),
        resource=RemoteConnection(caller),
    )


def client_of(settings: RemoteSettings) -> httpx.AsyncClient:
    """A client that goes where the settings say and nowhere else: no redirect, no proxy of the environment."""
    return httpx.AsyncClient(
        base_url=settings.url,
        headers=_authorization(settings),
        timeout=None,  # the caller's own limit is for the whole attempt
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=settings.max_concurrency),
    )


def _authorization(settings: RemoteSettings) -> dict[str, str]:
    if settings.token_variable is None:
        return {}
    token = os.environ.get(settings.token_variable, "").strip()
    if not token:
        raise ScorerLoadError(
            f"the environment variable {settings.token_variable} is not set: put the token there"
        )
    if settings.token_header.lower() == "authorization":
        token = f"Bearer {token}"
    return {settings.token_header: token}


def _tokens(answer: Answer) -> int:
    """What was read: vLLM says so in `usage`, TEI in a header; 0 where neither does."""
    usage = answer.body.get("usage") if isinstance(answer.body, dict) else None
    told = usage.get("prompt_tokens") if isinstance(usage, dict) else answer.headers.get("x-compute-tokens")
    try:
        return max(int(told or 0), 0)
    except (TypeError, ValueError):
        return 0
