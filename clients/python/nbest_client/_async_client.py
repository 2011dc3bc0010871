"""The client for asyncio: the calls of `Client`, and a call that is cancelled closes its connection.

`_client.py` is written from this file: `make client`.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from nbest_client import _requests
from nbest_client._candidate_input import CandidateInput
from nbest_client._errors import NbestError
from nbest_client._http.deadline import Deadline
from nbest_client._http.replies import Reply, read
from nbest_client._http.retry import Retries
from nbest_client._http.settings import TIMEOUT_S, Settings, successful
from nbest_client._http.transport import AsyncIncoming, AsyncTransport
from nbest_client._http.waiting import all_at_once, sleep_async
from nbest_client._requests import Call, Messages, Sampling
from nbest_client._responses.answer import Answer
from nbest_client._responses.catalog import ModelInfo, Models, ScorerInfo, Scorers, Strategies, StrategyInfo
from nbest_client._responses.comparison import Compared, Comparison
from nbest_client._responses.results import Delta, Generation, Scores, Selection
from nbest_client._responses.run_events import RunEvent, RunEvents
from nbest_client._strategy import AnyStrategy

T = TypeVar("T")


class AsyncClient:
    """A connection to an nbest server; close it, or use it as a context manager.

    `model`: what to ask for; by default the first that the server lists.
    `timeout_s`: bounds each call as a whole, trying again and reading a stream included; also an argument of each call.
    `max_retries`: how often a request is sent again where the server says that it may help, or the connection fails.
    `http`: an httpx client of your own, for proxies or certificates; it stays yours to close.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = 2,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._transport = AsyncTransport(_requests.root(base_url), _requests.headers(api_key), http)
        self._settings = Settings(timeout_s, Retries(max_retries))
        self._model = model

    async def generate(
        self,
        messages: Messages,
        *,
        strategy: AnyStrategy | None = None,
        model: str | None = None,
        n: int = 1,
        timeout_s: float | None = None,
        **sampling: Unpack[Sampling],
    ) -> Generation:
        """The answer that the strategy selects, or the `n` best; without a strategy, plain samples."""
        deadline = self._settings.deadline(timeout_s)
        model = model or await self._default_model(deadline)
        call = _requests.chat(messages, model=model, strategy=strategy, n=n, sampling=sampling)
        return await self._complete(call, deadline)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        messages: Messages,
        *,
        strategy: AnyStrategy | None = None,
        model: str | None = None,
        n: int = 1,
        timeout_s: float | None = None,
        **sampling: Unpack[Sampling],
    ) -> AsyncIterator["AsyncStream"]:
        """The same, as it is written. Leaving the block closes the connection, and that stops the server's work."""
        deadline = self._settings.deadline(timeout_s)
        model = model or await self._default_model(deadline)
        call = _requests.chat(messages, model=model, strategy=strategy, n=n, sampling=sampling, stream=True)
        incoming = await self._retrying(lambda: self._begin(call, deadline), deadline)
        try:
            yield AsyncStream(incoming)
        finally:
            await incoming.close()

    @contextlib.asynccontextmanager
    async def run_events(
        self, request_id: str, *, timeout_s: float | None = None
    ) -> AsyncIterator[AsyncIterator[RunEvent]]:
        """What happens in a request of this key, from its beginning to its end, and live from now on.

        `request_id` is the reply's own: a stream has it before the answer is there. Leaving the block closes the
        connection; the request goes on.
        """
        deadline = self._settings.deadline(timeout_s)
        call = _requests.run_events(request_id)
        incoming = await self._retrying(lambda: self._begin(call, deadline), deadline)
        try:
            yield _run_events(incoming, RunEvents(incoming.headers))
        finally:
            await incoming.close()

    async def score(
        self,
        messages: Messages,
        texts: Sequence[str],
        *,
        scorer: str | None = None,
        timeout_s: float | None = None,
    ) -> Scores:
        """What a loaded scorer thinks of each text as the answer to the messages; by default the first scorer."""
        call = _requests.score(messages, texts, scorer)
        reply = await self._send(call, self._settings.deadline(timeout_s))
        return read(reply, Scores, texts=texts, request_id=reply.request_id)

    async def select(
        self,
        candidates: Sequence[str | CandidateInput],
        *,
        strategy: AnyStrategy,
        messages: Messages | None = None,
        k: int = 1,
        timeout_s: float | None = None,
    ) -> Selection:
        """Which of your candidates the strategy selects. Those without a score need the messages they answer."""
        given = CandidateInput.each(candidates)
        call = _requests.select(given, strategy=strategy, messages=messages, k=k)
        reply = await self._send(call, self._settings.deadline(timeout_s))
        return read(reply, Selection, candidates=given, request_id=reply.request_id)

    async def compare(
        self,
        messages: Messages,
        strategies: Sequence[AnyStrategy | None],
        *,
        model: str | None = None,
        n: int = 1,
        timeout_s: float | None = None,
        **sampling: Unpack[Sampling],
    ) -> Comparison:
        """What each strategy makes of the same question, all at once; an error stands in its row."""
        deadline = self._settings.deadline(timeout_s)
        model = model or await self._default_model(deadline)
        calls = [
            _requests.chat(messages, model=model, strategy=strategy, n=n, sampling=sampling)
            for strategy in strategies
        ]
        pairs = list(zip(strategies, calls, strict=True))
        rows = await all_at_once([partial(self._compared, *pair, deadline) for pair in pairs])
        return Comparison(tuple(rows))

    async def models(self, *, timeout_s: float | None = None) -> Sequence[ModelInfo]:
        """Every name that a request may put in `model`."""
        return read(await self._send(_requests.MODELS, self._settings.deadline(timeout_s)), Models).data

    async def strategies(self, *, timeout_s: float | None = None) -> Sequence[StrategyInfo]:
        """Every strategy that the server has."""
        return read(
            await self._send(_requests.STRATEGIES, self._settings.deadline(timeout_s)), Strategies
        ).data

    async def scorers(self, *, timeout_s: float | None = None) -> Sequence[ScorerInfo]:
        """Every scorer that the server has loaded."""
        return read(await self._send(_requests.SCORERS, self._settings.deadline(timeout_s)), Scorers).data

    async def aclose(self) -> None:
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _complete(self, call: Call, deadline: Deadline) -> Generation:
        reply = await self._send(call, deadline)
        return read(reply, Generation, request_id=reply.request_id)

    async def _compared(self, strategy: AnyStrategy | None, call: Call, deadline: Deadline) -> Compared:
        started = time.monotonic()
        try:
            outcome: Generation | NbestError = await self._complete(call, deadline)
        except NbestError as error:
            outcome = error
        return Compared.of(strategy, time.monotonic() - started, outcome)

    async def _default_model(self, deadline: Deadline) -> str:
        if self._model is None:
            self._model = read(await self._send(_requests.MODELS, deadline), Models).first
        return self._model

    async def _send(self, call: Call, deadline: Deadline) -> Reply:
        return await self._retrying(lambda: self._exchange(call, deadline), deadline)

    async def _exchange(self, call: Call, deadline: Deadline) -> Reply:
        incoming = await self._transport.open(call, deadline)
        return successful(await incoming.whole())

    async def _begin(self, call: Call, deadline: Deadline) -> AsyncIncoming:
        """A stream whose first bytes are on their way; until then an error is one like any other."""
        incoming = await self._transport.open(call, deadline)
        if incoming.status != 200:
            successful(await incoming.whole())
        return incoming

    async def _retrying(self, attempt: Callable[[], Awaitable[T]], deadline: Deadline) -> T:
        tried = 0
        while True:
            tried += 1
            try:
                return await attempt()
            except NbestError as error:
                pause_s = self._settings.pause_s(error, tried, deadline)
            await sleep_async(pause_s)


async def _run_events(incoming: AsyncIncoming, events: RunEvents) -> AsyncIterator[RunEvent]:
    while not events.done:
        for event in events.feed(await incoming.piece()):
            yield event


class AsyncStream:
    """The pieces of an answer as they come, and once they have all come, the whole answer as `result`."""

    def __init__(self, incoming: AsyncIncoming) -> None:
        self._incoming = incoming
        self._answer = Answer(incoming.headers)
        self._pieces: Iterator[Delta] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        while (piece := next(self._pieces, None)) is None:
            if self._answer.done:
                raise StopAsyncIteration
            self._pieces = self._answer.feed(await self._incoming.piece())
        return piece

    @property
    def request_id(self) -> str | None:
        """The id of the request, known from the first moment: what `run_events` takes."""
        return self._incoming.headers.get("x-request-id")

    @property
    def result(self) -> Generation:
        """The whole answer, with explanation and usage. RuntimeError before the end."""
        return self._answer.generation()
