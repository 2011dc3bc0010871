"""Keys are known by their SHA-256 alone, and compared in constant time.

A plain hash is enough: a key has 256 random bits, so there is no dictionary to try. Hashing first makes both sides
of the comparison equally long, and every key is compared every time, so the time taken tells nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from service.keys.caller import Caller
from service.keys.settings import KeySettings, Scope

PREFIX = "nbest-"
"""What our keys begin with, so that scanners for leaked secrets can know them."""


@dataclass(frozen=True, slots=True)
class Key:
    """A known key: its digest, whose it is, and what it opens."""

    digest: bytes
    caller: Caller
    scopes: frozenset[Scope]

    def opens(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class Keyring:
    """The configured keys; without any the service is open."""

    def __init__(self, settings: Sequence[KeySettings]) -> None:
        self._keys = tuple(map(_key, settings))

    @property
    def is_open(self) -> bool:
        return not self._keys

    def find(self, presented: str) -> Key | None:
        """The key that was presented, None if it is none of ours."""
        digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found


def new_key() -> tuple[str, str]:
    """A new key of 256 random bits, and its SHA-256 in hexadecimal."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def _key(settings: KeySettings) -> Key:
    digest = bytes.fromhex(settings.sha256)
    caller = Caller(
        settings.name, _salt(digest), settings.tokens_per_minute, settings.max_concurrent_requests
    )
    return Key(digest, caller, frozenset(settings.scopes))


def _salt(digest: bytes) -> str:
    """Differs from key to key, and says nothing of the key or its hash."""
    return hmac.new(digest, b"nbest prefix cache", hashlib.sha256).hexdigest()
