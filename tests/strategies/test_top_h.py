"""The strategy top_h: one sample an answer, drawn with its truncation and all else as the request has it."""

from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from strategies.base.errors import EngineFailed, InvalidRequest, Unsupported
from strategies.base.types import Decoding, Message, Prompt
from strategies.catalog import parse
from strategies.top_h import TopH
from tests.strategies.conftest import Table


def asked(**fields: Any) -> Prompt:
    return Prompt((Message("user", "x"),), decoding=Decoding(temperature=1.5, top_p=0.9, **fields), k=2)


async def test_only_the_truncation_is_replaced(table: Table) -> None:
    seen: list[Decoding] = []

    def note(prompt: Prompt, index: int) -> str:
        seen.append(prompt.decoding)
        return f"text {index}"

    engine = ScriptedEngine(script=note)
    outcome = await TopH(alpha=0.3, variant="authors").run(asked(), engine, table)
    expected = Decoding(temperature=1.5, top_p=0.9, top_h=0.3, top_h_variant="authors")
    assert set(map(repr, seen)) == {repr(expected)}
    assert [candidate.text for candidate in outcome.answers] == ["text 0", "text 1"]
    assert outcome.selected == (0, 1)
    assert table.asked == []


async def test_a_failed_sample_is_an_error(table: Table) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: FAIL if index else "fine")
    with pytest.raises(EngineFailed):
        await TopH().run(asked(), engine, table)


async def test_a_min_p_of_the_model_is_refused(table: Table) -> None:
    with pytest.raises(Unsupported) as refused:
        await TopH().run(asked(min_p=0.1), ScriptedEngine(), table)
    assert refused.value.param == "min_p"


def test_the_papers_rule_at_its_alpha_is_the_default() -> None:
    strategy = parse({"name": "top_h"})
    assert strategy == TopH(alpha=0.4, variant="paper")
    assert strategy.num_samples(3) == 3
    assert parse({"name": "top_h", "alpha": 1}) == TopH(alpha=1.0)


@pytest.mark.parametrize(
    ("parameters", "param"),
    [
        ({"alpha": 0}, "strategy.alpha"),
        ({"alpha": 1.01}, "strategy.alpha"),
        ({"alpha": True}, "strategy.alpha"),
        ({"alpha": "0.4"}, "strategy.alpha"),
        ({"alpha": float("nan")}, "strategy.alpha"),
        ({"variant": "theirs"}, "strategy.variant"),
        ({"n": 4}, "strategy.n"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(parameters: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse({"name": "top_h", **parameters})
    assert refused.value.param == param
