"""How many paused candidates may keep their place in the engine: never so many that a new one cannot run."""

from dataclasses import dataclass


@dataclass(slots=True)
class KvReservation:
    """Places and KV tokens that paused candidates may hold, all requests together.

    A paused candidate gives nothing back until its strategy goes on, which may be waiting for the scorers'
    turn, which waits for running candidates, which wait for a place. A candidate that gets no room here reads
    its text again, through the prefix cache, when it goes on.
    """

    places: int
    tokens: int

    def take(self, tokens: int) -> bool:
        """Reserve one place with room for `tokens`; False if there is none left."""
        if self.places < 1 or self.tokens < tokens:
            return False
        self.places -= 1
        self.tokens -= tokens
        return True

    def give_back(self, tokens: int) -> None:
        self.places += 1
        self.tokens += tokens
