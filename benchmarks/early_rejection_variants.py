"""What is compared: early rejection at its calibrated setting, other settings, and the same search without it."""

from collections.abc import Mapping
from typing import Any, Final

from strategies.base.strategy import Strategy
from strategies.early_rejection import EarlyRejection

CALIBRATED: Final[Mapping[str, Any]] = {"scope": "response", "checkpoints": [4], "keep_ratio": 0.5}
"""What `nbest calibrate --limit 40 --seed 1` chooses on validation problems."""

PLAIN: Final = "steps, tau null (plain search)"
CHOSEN: Final = "calibrated"


def variants(calibrated: Mapping[str, Any] = CALIBRATED) -> dict[str, Strategy]:
    """N = 16 in all, M = 4 where candidates fork."""
    return {
        PLAIN: EarlyRejection(tau=None),
        CHOSEN: EarlyRejection(**calibrated),
        "steps, tau 4": EarlyRejection(tau=4),
        "steps, tau 6": EarlyRejection(tau=6),
        "answers, tau null (whole answers judged)": EarlyRejection(scope="response", tau=None),
    }


WINDOW: Final[Mapping[str, Any]] = {"delimiter": "ки\n", "max_step_tokens": 64, "max_steps": 3}
"""Steps of 64 tokens whatever the text, as in the paper's code: answers mean nothing, the cost does."""

WINDOWS: Final[Mapping[str, Strategy]] = {
    PLAIN: EarlyRejection(tau=None, **WINDOW),
    "windows, tau 32": EarlyRejection(tau=32, **WINDOW),
    "windows, tau 16": EarlyRejection(tau=16, **WINDOW),
}
