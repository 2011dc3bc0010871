"""Top-H on tensors: the rules against slow loops and against transformers' own code, and what all of them promise."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.generation.logits_process import TopHLogitsWarper

from strategies.decoding.top_h import keep_mask, restrict_
from strategies.decoding.top_h_published import authors_prefix, transformers_prefix
from tests.strategies.decoding.slow_top_h import slow_top_h

VARIANTS: list[Any] = ["paper", "transformers", "authors"]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "strategies" / "top_h.md"


def kept(mask: Tensor) -> list[set[int]]:
    return [set(row.nonzero().flatten().tolist()) for row in mask]


def random_rows(kind: str, rows: int, size: int, seed: int) -> Tensor:
    """Logits of one kind, [rows, size]."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, size, generator=generator) * torch.rand(rows, 1, generator=generator) * 8
    if kind == "ties":
        return logits.bfloat16().float().round(decimals=1)
    if kind == "equal":
        return logits[:, :1].expand(rows, size).clone()
    if kind == "peaked":
        logits[:, size // 2] += torch.linspace(10, 60, rows)
    if kind == "broken":
        holes = torch.rand(rows, size, generator=generator)
        logits[holes < 0.2] = -torch.inf
        logits[holes > 0.9] = torch.nan
    if kind == "one left":
        keep = torch.randint(size, (rows, 1), generator=generator)
        return torch.full_like(logits, -torch.inf).scatter_(1, keep, logits.gather(1, keep))
    return logits


KINDS = ["plain", "ties", "equal", "peaked", "broken", "one left"]
SIZES = [1, 2, 3, 31, 100, 101, 257]


# The rule of the authors' code, in single precision like its source, cannot tell probabilities near 1 apart.
RULES = [
    (rule, kind) for rule in ("paper", "authors") for kind in KINDS if (rule, kind) != ("authors", "peaked")
]


@pytest.mark.parametrize(("variant", "kind"), RULES)
@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_slow_loop(variant: Any, kind: str, size: int) -> None:
    """60 rows for each of 6 or 5 kinds and 7 sizes: 2520 or 2100 cases a rule, each row with an alpha of its own."""
    logits = random_rows(kind, 60, size, seed=size)
    alpha = torch.linspace(0.02, 1, 60)
    found = kept(keep_mask(logits, alpha, variant))
    for row, share, tokens in zip(logits.tolist(), alpha.tolist(), found, strict=True):
        expected = slow_top_h(row, share, variant)
        if variant == "paper":
            assert tokens == expected
        else:
            # Which of several equal tokens are among the 100 is left open.
            assert sorted(row[token] for token in tokens) == sorted(row[token] for token in expected)


@pytest.mark.parametrize("kind", ["plain", "ties", "equal", "peaked"])
@pytest.mark.parametrize("size", SIZES)
def test_transformers_keeps_what_its_own_code_keeps(kind: str, size: int) -> None:
    logits = random_rows(kind, 50, size, seed=size)
    for alpha in (0.1, 0.4, 0.73, 1.0):
        theirs = TopHLogitsWarper(alpha)(torch.empty(0), logits)
        ours = logits.clone()
        restrict_(ours, alpha, "transformers")
        assert torch.equal(ours, theirs)


def test_transformers_keeps_what_its_own_code_keeps_beside_masked_tokens() -> None:
    logits = random_rows("plain", 50, 300, seed=0)
    logits[:, ::2] = -torch.inf
    logits[:, 3::4] -= 200
    theirs = TopHLogitsWarper(0.4)(torch.empty(0), logits)
    assert torch.equal(keep_mask(logits, 0.4, "transformers"), theirs > -torch.inf)


@pytest.mark.parametrize("size", [8192, 8200])
@pytest.mark.parametrize("heat", [0.05, 0.5, 3.0])
def test_a_large_vocabulary_agrees_with_the_slow_loop(size: int, heat: float) -> None:
    """Sharp rows end within the first window, hot ones need all of the larger, and ties cross their edges."""
    logits = (torch.randn(6, size, generator=torch.Generator().manual_seed(size)) / heat).round(decimals=1)
    alpha = torch.tensor([0.1, 0.4, 0.5, 0.7, 0.9, 1.0])
    found = kept(keep_mask(logits, alpha))
    for row, share, tokens in zip(logits.tolist(), alpha.tolist(), found, strict=True):
        assert tokens == slow_top_h(row, share, "paper")


def test_rows_that_need_more_do_not_change_the_others() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = (
        torch.randn(12, 16384, generator=generator) * torch.tensor([0.0, 0.1, 8.0, 1.0]).repeat(3)[:, None]
    )
    logits[5, 7] = torch.nan
    logits[6, 9] = torch.inf
    logits[7] = -torch.inf
    alpha = torch.linspace(0.2, 0.9, 12)
    together = keep_mask(logits, alpha)
    alone = torch.cat([keep_mask(row[None], share) for row, share in zip(logits, alpha, strict=True)])
    assert torch.equal(together, alone)
    assert not together[5, 7]
    assert kept(together)[6] == {9}
    assert kept(together)[7] == {0}


# Worked out by hand: ln 2 = 0.5 ln 4, and of 4 equal tokens the first two have the lowest ids; a prefix of k equal
# tokens has entropy ln k, so of 100 the first 6 stay below 0.4 ln 100 = 1.842 = ln 6.31; 0.6 and 0.4 have 0.673 nats,
# and two tokens would need all of them.
BY_HAND: list[tuple[list[float], float, set[int]]] = [
    ([1.0], 0.4, {0}),
    ([0.25] * 4, 0.5, {0, 1}),
    ([0.25] * 4, 0.49, {0}),
    ([0.25] * 4, 1.0, {0, 1, 2, 3}),
    ([0.01] * 100, 0.4, {0, 1, 2, 3, 4, 5}),
    ([0.4, 0.6], 0.99, {1}),
    ([0.4, 0.6], 1.0, {0, 1}),
    ([0.0, 0.5, 0.0, 0.5], 1.0, {1, 3}),
]


@pytest.mark.parametrize(("p", "alpha", "expected"), BY_HAND)
def test_the_papers_rule_worked_out_by_hand(p: list[float], alpha: float, expected: set[int]) -> None:
    assert kept(keep_mask(torch.tensor([p]).log(), alpha)) == [expected]


rows_of_logits = st.lists(st.floats(-30, 30), min_size=1, max_size=40)
shares = st.floats(1 / 64, 1)


@settings(deadline=None, max_examples=150)
@given(row=rows_of_logits, alpha=shares, variant=st.sampled_from(VARIANTS))
def test_what_is_kept_is_likelier_than_what_is_not(row: list[float], alpha: float, variant: Any) -> None:
    logits = torch.tensor([row])
    mask = keep_mask(logits, alpha, variant)
    assert mask[0, logits[0].argmax()] or logits[0][mask[0]].max() == logits.max()
    if not mask.all():
        assert logits[mask].min() >= logits[~mask].max()


@settings(deadline=None, max_examples=150)
@given(row=rows_of_logits, alpha=shares, variant=st.sampled_from(VARIANTS))
def test_a_larger_alpha_keeps_no_less(row: list[float], alpha: float, variant: Any) -> None:
    logits = torch.tensor([row])
    fewer, more = keep_mask(logits, alpha / 2, variant), keep_mask(logits, alpha, variant)
    assert bool((more | ~fewer).all())


@settings(deadline=None, max_examples=150)
@given(row=rows_of_logits, alpha=shares)
def test_the_entropy_of_what_is_kept_is_within_the_bound(row: list[float], alpha: float) -> None:
    logits = torch.tensor([row], dtype=torch.float64)
    mask = keep_mask(logits, alpha)
    p = logits.softmax(1)
    q = torch.where(mask, p, 0) / p[mask].sum()
    entropy, bound = (torch.special.entr(each).sum().item() for each in (q, p))
    assert entropy <= alpha * bound * (1 + 1e-5) + 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_temperature_chooses_the_tokens_and_leaves_the_logits(variant: Any) -> None:
    logits = random_rows("plain", 20, 9000, seed=3)
    temperature = torch.linspace(0.3, 3, 20)
    alpha = torch.linspace(0.1, 0.9, 20)
    mask = keep_mask(logits / temperature[:, None], alpha, variant)
    restricted = logits.clone()
    restrict_(restricted, alpha, variant, temperature)
    assert torch.equal(restricted, logits.masked_fill(~mask, -torch.inf))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_precision_is_masked_in_place(variant: Any, dtype: torch.dtype) -> None:
    logits = random_rows("plain", 8, 500, seed=4).to(dtype)
    expected = logits.masked_fill(~keep_mask(logits.float(), 0.4, variant), -torch.inf)
    restrict_(logits, 0.4, variant)
    assert torch.equal(logits, expected)


def probabilities(words: str) -> Tensor:
    """The distribution that a row of the page's table describes."""
    if found := re.fullmatch(r"Zipf, exponent ([\d.]+), (\d+) tokens", words):
        weights = torch.arange(1, int(found[2]) + 1, dtype=torch.float64) ** -float(found[1])
        return weights / weights.sum()
    if found := re.fullmatch(r"uniform over (\d+)", words):
        return torch.full((int(found[1]),), 1 / int(found[1]), dtype=torch.float64)
    told = {
        "two tokens, 0.6 and 0.4": [0.6, 0.4],
        "one of 0.9, 99 of 0.001": [0.9] + [0.001] * 99,
        "one of 0.5, 20000 that share 0.5": [0.5] + [0.5 / 20000] * 20000,
    }
    weights = torch.tensor(told[words], dtype=torch.float64)
    return weights / weights.sum()


TABLE = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)


def test_the_page_has_its_table() -> None:
    assert len(TABLE) == 8


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_the_page_tells_where_the_variants_differ(row: tuple[str, ...]) -> None:
    p = probabilities(row[0])
    assert math.isclose(torch.special.entr(p).sum().item(), float(row[1]), abs_tol=0.005)
    counts = [keep_mask(p.log()[None], 0.4, variant).sum().item() for variant in VARIANTS]
    assert counts == [int(count) for count in row[2:]]


@pytest.mark.parametrize("rule", [authors_prefix, transformers_prefix])
@pytest.mark.parametrize(("worst", "settled"), [(torch.inf, False), (torch.nan, False), (9.0, True)])
def test_a_row_that_is_no_distribution_is_not_settled_by_its_likeliest(
    rule: Any, worst: float, settled: bool
) -> None:
    logits = torch.zeros(1, 40)
    logits[0, 7] = worst
    assert rule(logits, torch.tensor([0.4]), 32)[2].tolist() == [settled]
