"""Train the reward adapter: a seeded, resumable run on a wall-clock budget that ships its best checkpoint."""

import json
import logging
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from service.embedded.build import build_generator
from service.embedded.checkpoints import reward_tokenizer
from service.embedded.evaluation.figures import (
    Judged,
    any_pass,
    best_by_outcome,
    majority_accuracy,
    outcome_auc,
    step_auc,
)
from service.embedded.evaluation.samples import Drawn, Plan, draw
from service.embedded.paths import ADAPTER, cache_dir
from service.embedded.problems.problems import SEEDS
from service.embedded.training.encoding import Batch, collate
from service.embedded.training.examples import training_rows
from service.embedded.training.network import digit_rows, loss, wrapped, write_adapter
from service.embedded.training.threads import Pace
from service.embedded.training.validation import judge

log = logging.getLogger(__name__)

VALIDATION: Final = Plan("validation", 96, 8)
TRAIN: Final = Plan("train", 450, 6)
ROWS_A_STEP: Final = 5
PEAK_RATE: Final = 1e-3
WARM_UP_SHARE: Final = 0.04
_CLIP: Final = 1.0


@dataclass(slots=True)
class Clock:
    """Where the run stands: its budget counts training time alone, over all its starts."""

    minutes: float
    seconds: float = 0.0
    step: int = 0
    best: float = -1.0

    @property
    def done(self) -> float:
        """The share of the budget that is spent, from 0 to 1."""
        return min(self.seconds / (60 * self.minutes), 1.0)

    def rate(self) -> float:
        """The learning rate: up in a line, down along a cosine."""
        if self.done < WARM_UP_SHARE:
            return PEAK_RATE * max(self.done / WARM_UP_SHARE, 0.02)
        return PEAK_RATE * (0.02 + 0.98 * (1 + math.cos(math.pi * self.done)) / 2)


def train(
    minutes: float,
    *,
    seed: int = SEEDS["train"],
    every_minutes: float = 7,
    out: Path = ADAPTER,
    fresh: bool = False,
) -> None:
    """Train for `minutes`, going on from the seed's last save unless `fresh`, and write the best adapter to `out`."""
    folder = cache_dir() / "training" / f"seed-{seed}"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    generator = build_generator()
    drawn = draw(generator, (VALIDATION, TRAIN), cache_dir(), lambda done: None)
    run = Run(generator, drawn["train"], seed, Clock(minutes), folder)
    run.resume()
    run.go(drawn["validation"], every_minutes, out)


class Run:
    """One training run: the network, its optimiser and its clock, saved together."""

    def __init__(
        self, generator: Path, drawn: Sequence[Drawn], seed: int, clock: Clock, folder: Path
    ) -> None:
        import torch

        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = reward_tokenizer(generator)
        self.model: Any = wrapped(generator, seed).to(self.device)
        self.trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(
            self.trained.values(), betas=(0.9, 0.98), weight_decay=0.0, fused=True
        )
        self.digits = digit_rows(self.model, self.tokenizer)
        self.pace = Pace()
        self.drawn, self.seed, self.clock, self.folder = drawn, seed, clock, folder

    def go(self, validation: Sequence[Drawn], every_minutes: float, out: Path) -> None:
        """Step until the budget is spent; check and save every few minutes and at the end."""
        batches = self.batches()
        next_check = self.clock.seconds + 60 * every_minutes
        recent: list[float] = []
        while self.clock.done < 1:
            recent.append(self.timed_step(next(batches)))
            if self.clock.step % 20 == 0:
                log.info(
                    "step %d  %.1f min  loss %.4f",
                    self.clock.step,
                    self.clock.seconds / 60,
                    sum(recent) / len(recent),
                )
                recent.clear()
            if self.clock.seconds >= next_check or self.clock.done >= 1:
                self.check(validation, out)
                next_check = self.clock.seconds + 60 * every_minutes

    def batches(self) -> Iterator[Batch]:
        """Batches without end; a resumed run draws new synthetic ones rather than those it has seen."""
        rows = training_rows(self.tokenizer, self.drawn, f"{self.seed}-{self.clock.step}")
        while True:
            batch = collate([next(rows) for _ in range(ROWS_A_STEP)], self.tokenizer.pad_token_id)
            yield Batch(*(tensor.to(self.device) for tensor in batch))

    def timed_step(self, batch: Batch) -> float:
        """One update at the pace that the machine allows."""
        import torch

        threads = self.pace.threads()
        torch.set_num_threads(threads)
        started = time.monotonic()
        value = self.step(batch)
        seconds = time.monotonic() - started
        self.pace.report(threads, seconds, batch.ids.numel())
        self.clock.seconds += seconds
        return value

    def step(self, batch: Batch) -> float:
        """One update; returns the loss."""
        import torch

        for group in self.optimiser.param_groups:
            group["lr"] = self.clock.rate()
        value = loss(self.model, self.digits, batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.values(), _CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.clock.step += 1
        return float(value.item())

    def check(self, validation: Sequence[Drawn], out: Path) -> None:
        """Score the validation answers, log the figures, save the run, and write the adapter if none was better."""
        self.model.eval()
        judged = judge(self.model, self.tokenizer, validation)
        self.model.train()
        figures = _figures(judged)
        log.info("step %d  %.1f min  %s", self.clock.step, self.clock.seconds / 60, json.dumps(figures))
        if figures["outcome_auc"] + figures["step_auc"] > self.clock.best:
            self.clock.best = figures["outcome_auc"] + figures["step_auc"]
            write_adapter(self.model, out)
        self.save()

    def save(self) -> None:
        """Save all that a resumed run needs, whole or not at all."""
        import torch

        state = {
            "trained": self.trained,
            "optimiser": self.optimiser.state_dict(),
            "clock": asdict(self.clock),
        }
        torch.save(state, self.folder / "run.partial")
        (self.folder / "run.partial").replace(self.folder / "run.pt")

    def resume(self) -> None:
        """Go on from the last save, if there is one; the budget may be another."""
        import torch

        path = self.folder / "run.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name, parameter in self.trained.items():
            parameter.data.copy_(state["trained"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.clock = Clock(**{**state["clock"], "minutes": self.clock.minutes})
        log.info("resumed at step %d, %.1f min", self.clock.step, self.clock.seconds / 60)


def _figures(judged: Sequence[Judged]) -> dict[str, float]:
    figures = {
        "outcome_auc": outcome_auc(judged),
        "step_auc": step_auc(judged),
        "majority": majority_accuracy(judged),
        "best": best_by_outcome(judged),
        "pass": any_pass(judged),
    }
    return {name: round(value, 4) for name, value in figures.items()}
