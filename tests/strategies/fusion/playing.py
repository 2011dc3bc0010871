"""A fusor that plays a reply: scripted candidates, then what the fusor says of them."""

from typing import Any

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Decoding, Message, Outcome, Prompt
from strategies.fusion_of_n import FusionOfN
from tests.strategies.conftest import Table

PROMPT = Prompt(
    (Message("user", "2 + 2?"),), decoding=Decoding(seed=11, max_tokens=40, repetition_penalty=1.3)
)
GOOD = "Comparison: the first is terse.\nAnswer: [[It is four.]]"


class Fusor(ScriptedEngine):
    """Plays texts by index, and after them the fusor's reply; keeps what the fusor was asked."""

    def __init__(self, texts: list[str], reply: str = GOOD, **options: Any) -> None:
        super().__init__(script=self._play_line, **options)
        self.texts, self.reply = texts, reply
        self.asked: list[Prompt] = []

    def _play_line(self, prompt: Prompt, index: int) -> str:
        if index < len(self.texts):
            return self.texts[index]
        self.asked.append(prompt)
        return self.reply


async def fuse(texts: list[str], reply: str = GOOD, table: Table | None = None, **fields: Any) -> Outcome:
    engine = Fusor(texts, reply)
    outcome = await FusionOfN(n=len(texts), **fields).run(PROMPT, engine, table or Table())
    assert engine.unfinished == 0
    return outcome
