"""The live view: however a reply arrives, what is shown is the answer that is read in the end, or nothing."""

from random import Random

from strategies.base.ports import Delta
from strategies.fusion.reply import OPENING, read_reply
from strategies.fusion.stream_filter import AnswerView
from tests.random_cases import random_cases
from tests.strategies.fusion.replies import reply


def shown(pieces: list[str], index: int = 7) -> list[str]:
    view = AnswerView()
    seen = [view(Delta(index, piece, 1)) for piece in pieces]
    assert all(delta is None or (delta.index == 0 and delta.text) for delta in seen)
    return [delta.text for delta in seen if delta is not None]


def test_only_the_answer_is_shown_and_as_early_as_it_is_certain() -> None:
    pieces = ["Compari", "son: fine.\n", "Ans", "wer: [", "[ The", " answer", " is", " 4.]", "]", " Bye."]
    assert shown(pieces) == ["The", " answer", " is", " 4."]


def test_a_bracket_is_held_back_until_it_is_known_to_be_text() -> None:
    assert shown(["Answer: [[a[0", "]", " = ", "1]", "]"]) == ["a[0", "] =", " 1"]


def test_a_closing_pair_is_held_back_until_another_one_shows_it_to_be_text() -> None:
    assert shown(["Answer: [[m = [[1]", "] or", " so", "]]"]) == ["m = [[1", "]] or so"]


def test_white_space_around_the_answer_is_not_shown() -> None:
    assert shown(["Answer: [[", " \n", "a", " ", "\n", "b", "\n", " ]]"]) == ["a", " \nb"]


def test_a_second_beginning_ends_the_first_answer() -> None:
    assert shown(["Answer: [[first]]\n", "Answer: [[second]]"]) == ["first"]


def test_a_reply_in_another_form_shows_nothing() -> None:
    for text in ("Answer: four", "It is fine. Answer: [[four]]", "Text 2 says [[four]]", ""):
        assert shown(list(text)) == []


def _cut(rng: Random) -> tuple[str, list[int]]:
    return reply(rng), [rng.randint(0, 120) for _ in range(rng.randint(0, 12))]


@random_cases(_cut, count=3000)
def test_however_it_is_cut_the_shown_text_is_the_answer(text: str, cuts: list[int]) -> None:
    ends = [*sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert "".join(pieces) == text
    told = "".join(shown(pieces))
    if OPENING.search(text):
        assert told == (read_reply(text).answer or "") == (read_reply(text, ended=False).answer or "")
    else:
        assert told == ""


@random_cases(lambda rng: (reply(rng),), count=500)
def test_character_by_character_too(text: str) -> None:
    told = "".join(shown(list(text)))
    assert told in ("", read_reply(text).answer)
