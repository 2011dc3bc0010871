"""Keys: found by their hash alone, each compared every time, each with a salt of its own."""

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from service.cli.main import app
from service.keys.keyring import Keyring, new_key
from service.keys.settings import KeySettings
from service.settings import Settings


def entry(name: str, key: str, **fields: Any) -> KeySettings:
    return KeySettings(name=name, sha256=hashlib.sha256(key.encode()).hexdigest(), **fields)


RING = Keyring(
    [entry("alice", "ka"), entry("bob", "kb", scopes=["metrics"]), entry("carol", "kc", scopes=["admin"])]
)


@pytest.mark.parametrize(("presented", "name"), [("ka", "alice"), ("kb", "bob"), ("kc", "carol")])
def test_a_key_is_found(presented: str, name: str) -> None:
    key = RING.find(presented)
    assert key is not None
    assert key.caller.name == name


@given(st.text().filter(lambda text: text not in {"ka", "kb", "kc"}))
def test_nothing_else_is(presented: str) -> None:
    assert RING.find(presented) is None


def test_scopes() -> None:
    opened = {
        key.caller.name: (key.opens("inference"), key.opens("metrics"))
        for key in filter(None, map(RING.find, ("ka", "kb", "kc")))
    }
    assert opened == {"alice": (True, False), "bob": (False, True), "carol": (True, True)}


def test_every_key_is_compared_every_time_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    plain = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return plain(one, other)

    monkeypatch.setattr("service.keys.keyring.hmac.compare_digest", counting)
    for presented in ("ka", "kc", "nobody", "x" * 10_000, ""):
        RING.find(presented)
    assert compared == [(32, 32)] * 15


def test_salts_differ_and_tell_nothing() -> None:
    salts = {key.caller.cache_salt for key in filter(None, map(RING.find, ("ka", "kb", "kc")))}
    assert len(salts) == 3
    assert not salts & {hashlib.sha256(key).hexdigest() for key in (b"ka", b"kb", b"kc")}


def test_a_new_key_is_random_and_known_by_its_hash() -> None:
    made = {new_key() for _ in range(100)}
    assert len(made) == 100
    for key, digest in made:
        assert len(key) >= 40
        found = Keyring([KeySettings(name="n", sha256=digest)]).find(key)
        assert found is not None


@pytest.mark.parametrize(
    "keys",
    [
        [{"name": "a", "sha256": "nbest-a-key-pasted-in-place-of-its-hash"}],
        [{"name": "a", "sha256": "0" * 64}, {"name": "a", "sha256": "1" * 64}],
        [{"name": "a", "sha256": "0" * 64}, {"name": "b", "sha256": "0" * 64}],
        [{"name": "a", "sha256": "0" * 64, "scopes": ["root"]}],
        [{"name": "a", "sha256": "0" * 64, "scopes": []}],
        [{"name": "A b", "sha256": "0" * 64}],
        [{"name": "a", "sha256": "0" * 64, "tokens_per_minute": 0}],
    ],
)
def test_keys_that_cannot_be_right_are_refused(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Settings.load(keys=keys)


def test_a_key_pasted_in_place_of_its_hash_is_not_printed() -> None:
    key, _ = new_key()
    result = CliRunner().invoke(app, ["config", "show", "--set", f"keys=[{{name: a, sha256: {key}}}]"])
    assert result.exit_code == 1
    assert key not in result.output


def test_keys_new_shows_a_key_and_the_entry_that_knows_it() -> None:
    result = CliRunner().invoke(app, ["keys", "new", "alice"])
    key, *rest = result.output.splitlines()
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert rest[-2:] == ["keys:", f"  - {{name: alice, sha256: {digest}}}"]
    assert CliRunner().invoke(app, ["keys", "new", "Not A Name"]).exit_code == 1
