"""How a scorer that asks others, or that generates, works on a request's account: it is handed the request's view."""

from typing import Protocol, Self, runtime_checkable

from service.engine.ports import PromptLogprobs
from strategies.base.ports import Engine, OutcomeScorer, StepScorer


class RequestScope(Protocol):
    """Generators and scorers as one request may use them: counted, timed, and ended at the request's limits."""

    def generator(self, engine: Engine) -> Engine: ...
    def reader(self, reader: PromptLogprobs) -> PromptLogprobs: ...
    def outcome(self, scorer: OutcomeScorer) -> OutcomeScorer: ...
    def step(self, scorer: StepScorer) -> StepScorer: ...


@runtime_checkable
class Composed(Protocol):
    """A scorer that does its work by a generator or by other scorers."""

    def bound_to(self, view: RequestScope) -> Self:
        """The same scorer for one request, with the request's view of what it uses."""
