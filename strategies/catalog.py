"""Every strategy that a request may name. A new strategy is one file and one line here."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from strategies.base.errors import InvalidRequest
from strategies.base.field_errors import FieldFault, first_fault
from strategies.base.strategy import Strategy
from strategies.best_of_majority import BestOfMajority
from strategies.best_of_n import BestOfN
from strategies.early_rejection import EarlyRejection
from strategies.fusion_of_n import FusionOfN
from strategies.majority import Majority
from strategies.rpc import Rpc
from strategies.single import Single
from strategies.top_h import TopH
from strategies.weighted_majority import WeightedMajority

STRATEGIES: tuple[type[Strategy], ...] = (
    Single,
    BestOfN,
    Majority,
    WeightedMajority,
    BestOfMajority,
    Rpc,
    TopH,
    EarlyRejection,
    FusionOfN,
)

CATALOG: Mapping[str, type[Strategy]] = {cls.name: cls for cls in STRATEGIES}

if len(CATALOG) != len(STRATEGIES):
    raise ImportError("two strategies share a name")


def parse(spec: Mapping[str, Any]) -> Strategy:
    """The strategy that a request's `strategy` object describes; InvalidRequest names the offending key."""
    parameters = dict(spec)
    name = parameters.pop("name", None)
    if not isinstance(name, str) or name not in CATALOG:
        known = ", ".join(CATALOG)
        raise InvalidRequest(
            f"strategy.name must be one of: {known}; got {str(name)[:80]!r}", param="strategy.name"
        )
    try:
        return CATALOG[name].model_validate(parameters, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise _invalid(name, first_fault(errors, parameters)) from None


def _invalid(name: str, fault: FieldFault) -> InvalidRequest:
    """One sentence about the first thing wrong: the message stays small however much was sent."""
    path = f"strategy.{fault.path}" if fault.path else "strategy"
    if fault.kind == "extra_forbidden":
        known = ", ".join(CATALOG[name].model_fields)
        return InvalidRequest(f"{path} is not a parameter of {name}, which takes: {known}", param=path)
    return InvalidRequest(f"{path}: {fault.message[:200]}", param=path)
