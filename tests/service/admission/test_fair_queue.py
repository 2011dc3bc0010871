"""The queue against the textbook: start-time fair queueing, with every tag worked out from the whole history."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admission.fair_queue import FairQueue


@dataclass
class Item:
    """Something that waits; two of the same key and cost are still two."""

    key: str
    cost: int
    number: int
    tag: int = 0


@dataclass
class SlowQueue:
    """The paper's rule, literally: S = max(v, F of the key's previous request), F = S + cost, least S first.

    v is the start tag of the request served last; the paper's other v, for a server with nothing to do, is left out:
    it would move every key alike. Equal tags go by key, in the order in which keys first came.
    """

    waiting: list[Item] = field(default_factory=list)
    finish: dict[str, int] = field(default_factory=dict)
    v: int = 0

    def push(self, item: Item) -> None:
        item.tag = max(self.v, self.finish.setdefault(item.key, 0))
        self.finish[item.key] = item.tag + item.cost
        self.waiting.append(item)

    def pop(self) -> Item:
        known = list(self.finish)
        best = min(self.waiting, key=lambda item: (item.tag, known.index(item.key), item.number))
        self.waiting.remove(best)
        self.v = best.tag
        return best


KEYS = st.sampled_from("abcd")
# A push of one key's request of some cost, or None to serve one.
STEPS = st.lists(st.tuples(KEYS, st.integers(1, 50)) | st.none(), max_size=60)


@given(STEPS)
def test_it_serves_in_the_order_of_the_textbook(steps: list[tuple[str, int] | None]) -> None:
    queue: FairQueue[Item] = FairQueue()
    slow = SlowQueue()
    for number, step in enumerate(steps):
        if step is not None:
            item = Item(*step, number)
            queue.push(item.key, item, item.cost)
            slow.push(item)
        elif slow.waiting:
            assert queue.pop() is slow.pop()
        assert (len(queue), queue.cost) == (len(slow.waiting), sum(item.cost for item in slow.waiting))
    while slow.waiting:
        assert queue.head() is (last := slow.pop())
        assert queue.pop() is last


def test_worked_by_hand() -> None:
    queue: FairQueue[str] = FairQueue()
    for name, cost in [("a1", 10), ("a2", 10), ("a3", 10), ("b1", 25), ("b2", 25)]:
        queue.push(name[0], name, cost)
    # clocks: a 0, b 0 -> a1 (a 10); b1 (b 25); a2 (a 20); a3; b2
    assert [queue.pop() for _ in range(5)] == ["a1", "b1", "a2", "a3", "b2"]


def test_who_was_idle_has_earned_no_credit() -> None:
    queue: FairQueue[str] = FairQueue()
    for i in range(10):
        queue.push("a", f"a{i}", 10)
    served = [queue.pop() for _ in range(8)]
    for i in range(3):
        queue.push("b", f"b{i}", 10)
    served += [queue.pop() for _ in range(5)]
    assert served[8:] == ["b0", "a8", "b1", "a9", "b2"]


def test_nobody_waits() -> None:
    queue: FairQueue[str] = FairQueue()
    assert (queue.head(), len(queue), queue.waiting("a")) == (None, 0, 0)
    queue.discard("a", "nothing")
    with pytest.raises(IndexError):
        queue.pop()


@given(STEPS, st.randoms())
def test_everything_that_waits_is_served_once_or_gave_up_and_in_order_within_a_key(
    steps: list[tuple[str, int] | None], random: object
) -> None:
    queue: FairQueue[Item] = FairQueue()
    pushed: list[Item] = []
    served: list[Item] = []
    gone: list[Item] = []
    for number, step in enumerate(steps):
        if step is not None:
            pushed.append(Item(*step, number))
            queue.push(step[0], pushed[-1], step[1])
        elif number % 3 == 0 and (left := [i for i in pushed if i not in served and i not in gone]):
            gone.append(left[number % len(left)])
            queue.discard(gone[-1].key, gone[-1])
        elif len(queue):
            served.append(queue.pop())
    while len(queue):
        served.append(queue.pop())
    assert queue.cost == 0
    assert sorted(item.number for item in served + gone) == [item.number for item in pushed]
    for key in "abcd":
        numbers = [item.number for item in served if item.key == key]
        assert numbers == sorted(numbers)


@given(st.lists(st.tuples(KEYS, st.integers(1, 50)), min_size=2, max_size=60))
def test_two_keys_that_both_wait_are_served_alike(requests: list[tuple[str, int]]) -> None:
    queue: FairQueue[Item] = FairQueue()
    costliest: Counter[str] = Counter()
    for number, (key, cost) in enumerate(requests):
        queue.push(key, Item(key, cost, number), cost)
        costliest[key] = max(costliest[key], cost)
    served: Counter[str] = Counter()
    while len(queue):
        both = [key for key in costliest if queue.waiting(key)]
        item = queue.pop()
        served[item.key] += item.cost
        for one in both:
            for other in both:
                assert served[one] - served[other] <= costliest[one] + costliest[other]


@given(st.integers(1, 500), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_nobody_starves_however_much_the_others_send(cost: int, others: list[int]) -> None:
    """One large request against keys that never stop: it is served once each has had about as much."""
    queue: FairQueue[str] = FairQueue()
    for number, each in enumerate(others):
        queue.push(f"other{number}", "other", each)
    queue.push("patient", "first", cost)
    queue.push("patient", "second", 1)
    most = 2 + sum(2 + cost // each for each in others)
    for _ in range(most):
        key = min(range(len(others)), key=lambda number: queue.waiting(f"other{number}"))
        item = queue.pop()
        if item == "second":
            return
        if item == "other":
            queue.push(f"other{key}", "other", others[key])
    raise AssertionError(f"not served within {most} turns")
