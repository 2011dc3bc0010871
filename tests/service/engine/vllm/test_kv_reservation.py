"""Paused candidates hold no more than they were granted."""

from service.engine.vllm.kv_reservation import KvReservation


def test_places_and_tokens_both_run_out_and_come_back() -> None:
    room = KvReservation(places=2, tokens=100)
    assert room.take(60)
    assert not room.take(60)
    assert room.take(40)
    assert not room.take(0)
    room.give_back(60)
    assert room.take(60)


def test_an_engine_without_room_grants_none() -> None:
    assert not KvReservation(places=0, tokens=100).take(1)
    assert not KvReservation(places=4, tokens=-5).take(1)
