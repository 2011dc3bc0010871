"""The running service: what `app.py` wires together and the routes use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from service.edge.drain import Drain
from service.engine.ports import ServedEngine
from service.observability.metrics import Metrics
from service.reward_models.base.ports import ServedScorers
from service.runner import Runner
from service.settings import Settings
from service.state.run_events import Runs
from strategies.base.errors import InvalidRequest, NotFound
from strategies.base.strategy import Strategy
from strategies.catalog import CATALOG, parse
from strategies.single import Single


@dataclass(slots=True)
class AppState:
    """One engine, its scorers and the runner between them, and whether it has been told to stop."""

    settings: Settings
    engine: ServedEngine
    scorers: ServedScorers
    runner: Runner
    metrics: Metrics
    fingerprint: str
    presets: Mapping[str, Strategy]
    drain: Drain = field(default_factory=Drain)
    started: float = field(default=0.0)
    runs: Runs = field(default_factory=Runs)

    @property
    def model(self) -> str:
        return self.engine.info.model

    def strategy(self, model: str, spec: Mapping[str, Any] | None) -> Strategy:
        """What a request means by its `model` and `strategy`: a preset, MODEL@STRATEGY, or the object itself.

        NotFound if no such model is served; InvalidRequest if the strategy is named twice or is not valid.
        """
        base, _, suffix = model.partition("@")
        named = self.presets.get(model)
        if named is None and base != self.model:
            served = ", ".join([self.model, *self.presets])
            raise NotFound(f"the model {model!r} is not served; served are: {served}", param="model")
        if named is None and suffix:
            named = self._by_suffix(suffix)
        if named is not None and spec is not None:
            message = (
                f"the model name {model!r} already chooses a strategy; leave out `strategy`, or the suffix"
            )
            raise InvalidRequest(message, param="strategy")
        if named is not None:
            return named
        return parse(spec) if spec is not None else Single(explain="none")

    def _by_suffix(self, suffix: str) -> Strategy:
        if suffix not in CATALOG:
            known = ", ".join(CATALOG)
            raise NotFound(f"the strategy {suffix[:80]!r} is not served; served are: {known}", param="model")
        return parse({"name": suffix})


def get_state(request: Request) -> AppState:
    """The service behind a request, for `Depends`."""
    service: AppState = request.app.state.service
    return service
