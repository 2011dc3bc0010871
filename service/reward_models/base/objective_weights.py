"""Weights that a request gives the objectives of a scorer."""

from collections.abc import Mapping, Sequence

from strategies.base.errors import InvalidRequest


def check_objectives(scorer: str, weights: Mapping[str, float], objectives: Sequence[str]) -> None:
    """InvalidRequest, listing the objectives, if the weights name another or are all 0."""
    param = "strategy.objective_weights"
    for name in weights:
        if name not in objectives:
            known = ", ".join(objectives)
            raise InvalidRequest(
                f"scorer {scorer!r} has no objective {name[:64]!r}; it has: {known}",
                param=f"{param}.{name[:64]}",
            )
    if not any(weights.values()):
        raise InvalidRequest("every weight is 0, and then every score would be", param=param)
