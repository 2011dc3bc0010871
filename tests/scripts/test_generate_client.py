"""The blocking client is what its generator writes, and has the calls of the one for asyncio."""

import inspect

import pytest
from nbest_client import AsyncClient, AsyncStream, Client, Stream

from scripts.generate_client import SOURCE, TARGET, blocking


def test_the_blocking_client_is_up_to_date() -> None:
    assert blocking(SOURCE.read_text()) == TARGET.read_text()


def test_a_passage_that_is_gone_is_missed() -> None:
    with pytest.raises(ValueError, match="no longer says"):
        blocking(SOURCE.read_text().replace("all at once", "at the same time"))


@pytest.mark.parametrize(("waiting", "blocking_class"), [(AsyncClient, Client), (AsyncStream, Stream)])
def test_both_have_the_same_calls_with_the_same_arguments(waiting: type, blocking_class: type) -> None:
    def calls(cls: type) -> dict[str, list[str]]:
        named = {name: call for name, call in vars(cls).items() if inspect.isfunction(call)}
        told = {name: list(inspect.signature(call).parameters) for name, call in named.items()}
        return {name.replace("__a", "__", 1).replace("aclose", "close"): told[name] for name in told}

    assert calls(waiting) == calls(blocking_class)
