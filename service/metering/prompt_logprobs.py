"""An engine that reads texts, as a strategy's scorer sees it: what it reads and generates is the request's."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.engine.ports import PromptLogprobs, TextLogprobs
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class MeteredReader:
    """Counts what a reading costs. Where the budget has no token left for each text none is read, and it is noted."""

    inner: PromptLogprobs
    meter: Meter
    bounds: RequestLimits

    @property
    def vocabulary(self) -> int:
        return self.inner.vocabulary

    async def read(
        self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0
    ) -> list[TextLogprobs]:
        most = self.bounds.live_tokens
        if most is not None and self.meter.completion_tokens + self.meter.in_flight + len(texts) > most:
            self.meter.limit = "max_completion_tokens"
            return [TextLogprobs(()) for _ in texts]
        self.meter.engines.add(id(self.inner))
        read = await self.inner.read(prompt, texts, alternatives=alternatives)
        for text in read:
            self.meter.tokens["judge"] += text.generated
            self.meter.engine_prompt_tokens += text.tokens
        return read
