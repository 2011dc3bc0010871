"""Single: as many samples as answers asked for, in order, and an error rather than a hole."""

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from strategies.base.errors import EngineFailed
from strategies.base.types import Message, Prompt
from strategies.single import Single
from tests.strategies.conftest import Table


async def test_returns_k_samples_in_order(table: Table) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * (3 - index) + str(index))
    outcome = await Single().run(Prompt((Message("user", "x"),), k=3), engine, table)
    assert outcome.selected == (0, 1, 2)
    assert [c.text[-1] for c in outcome.answers] == ["0", "1", "2"]
    assert table.asked == []


async def test_a_failed_sample_is_an_error(table: Table) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: FAIL if index else "fine")
    with pytest.raises(EngineFailed):
        await Single().run(Prompt((Message("user", "x"),), k=2), engine, table)
