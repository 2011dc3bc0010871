"""The memo gives back what it learnt for exactly the same ids, and forgets what was used longest ago."""

from hypothesis import given
from hypothesis import strategies as st

from service.keys.caller import Caller, acting_for
from service.reward_models.pooling.row_cache import LogitsCache, keys_of

IDS = st.lists(st.integers(0, 2**31), min_size=1, max_size=12)


@given(IDS, IDS, st.data())
def test_keys_are_equal_exactly_where_the_ids_so_far_are(
    one: list[int], other: list[int], data: st.DataObject
) -> None:
    i = data.draw(st.integers(0, len(one) - 1))
    j = data.draw(st.integers(0, len(other) - 1))
    assert (keys_of(one, [i]) == keys_of(other, [j])) == (one[: i + 1] == other[: j + 1])


@given(IDS, st.data())
def test_a_key_does_not_depend_on_the_positions_asked_before_it(ids: list[int], data: st.DataObject) -> None:
    positions = sorted(data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=6)))
    assert keys_of(ids, positions) == [keys_of(ids, [position])[0] for position in positions]


def test_the_row_used_longest_ago_is_forgotten() -> None:
    memo = LogitsCache(capacity=2)
    memo.learn({b"a": (1.0,), b"b": (2.0,)})
    assert memo.known([b"a"]) == {b"a": (1.0,)}
    memo.learn({b"c": (3.0,)})
    assert memo.known([b"a", b"b", b"c"]) == {b"a": (1.0,), b"c": (3.0,)}


def test_one_keys_rows_are_not_found_by_another() -> None:
    keys = []
    for salt in (None, "a", "b"):
        with acting_for(Caller("x", salt)):
            keys.append(keys_of([1, 2, 3], [2])[0])
    assert len(set(keys)) == 3
