"""The loaded scorers by name: a name of the wrong kind is answered with the names of the right one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.reward_models.base.errors import ScorerLoadError, failures_of
from service.reward_models.base.ports import Resource, ScorerInfo
from service.reward_models.base.sanity_check import check_order
from service.reward_models.base.settings import SanityCheck
from strategies.base.errors import InvalidRequest, NotFound
from strategies.base.ports import OutcomeScorer, ScorerKind, StepScorer

_PARAM = "strategy.scorer"


@dataclass(frozen=True, slots=True)
class LoadedScorers:
    """The `Scorers` port over what was loaded, in the order of the configuration.

    `engines` are the engines and connections behind them, each under the name of the first scorer that uses it;
    `checks` the pairs that those with weights of their own have to tell apart.
    """

    infos: tuple[ScorerInfo, ...]
    outcomes: Mapping[str, OutcomeScorer] = field(default_factory=dict)
    steps: Mapping[str, StepScorer] = field(default_factory=dict)
    engines: Mapping[str, Resource] = field(default_factory=dict)
    checks: Mapping[str, SanityCheck] = field(default_factory=dict)

    def kind(self, name: str) -> ScorerKind:
        """NotFound, listing what is loaded, if no scorer has that name."""
        for info in self.infos:
            if info.name == name:
                return info.kind
        raise NotFound(
            f"no scorer {name!r} is loaded; loaded: {_listed([i.name for i in self.infos])}", param=_PARAM
        )

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        """The first loaded of these kinds, in their order; NotFound if there is none of any."""
        for kind in kinds:
            if names := self._names(kind):
                return names[0]
        wanted = " or ".join(kinds)
        raise NotFound(f"this strategy needs a scorer of kind {wanted}, and none is loaded", param=_PARAM)

    def sees_reasoning(self, name: str) -> bool:
        """Whether the configuration shows this scorer what a candidate thought; False for a name that is not loaded."""
        return any(info.name == name and info.sees_reasoning for info in self.infos)

    def outcome(self, name: str | None) -> OutcomeScorer:
        """The outcome scorer of that name, or the first."""
        return self.outcomes[self._named(name, "outcome")]

    def step(self, name: str | None) -> StepScorer:
        """The step scorer of that name, or the first."""
        return self.steps[self._named(name, "step")]

    def earlier(self, name: str) -> OutcomeScorer:
        """The outcome scorer of that name among those loaded so far; ScorerLoadError lists them if there is none."""
        if name not in self.outcomes:
            known = _listed(list(self.outcomes))
            raise ScorerLoadError(
                f"{name!r} is no outcome scorer that stands earlier in the configuration; those are: {known}"
            )
        return self.outcomes[name]

    def describe(self) -> Sequence[ScorerInfo]:
        """The loaded scorers in the order of the configuration."""
        return self.infos

    async def check_order(self) -> None:
        """Return if every scorer puts a right answer above a wrong one; ScorerLoadError names one that does not.

        Call it once, on the event loop that will serve: an engine belongs to the loop that first asked it.
        """
        await check_order(self.checks, self.outcomes, self.steps)

    async def check_health(self) -> None:
        """Return if every engine lives; ScorerFailed names a scorer that cannot score."""
        for name, engine in self.engines.items():
            with failures_of(name):
                await engine.check_health()

    async def aclose(self) -> None:
        """Stop every engine, all at once since each takes seconds; safe to call twice."""
        await asyncio.gather(*(engine.aclose() for engine in self.engines.values()))

    def _named(self, name: str | None, kind: ScorerKind) -> str:
        if name is None:
            return self.default([kind])
        if (found := self.kind(name)) != kind:
            right = _listed(self._names(kind))
            raise InvalidRequest(
                f"scorer {name!r} is of kind {found}, and one of kind {kind} is needed; loaded of that kind: {right}",
                param=_PARAM,
            )
        return name

    def _names(self, kind: ScorerKind) -> list[str]:
        return [info.name for info in self.infos if info.kind == kind]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
