"""Run coroutines side by side: all results in order, or the first failure and nothing left running."""

from typing import TypeVar

T = TypeVar("T")
