"""What one key may use: tokens by the minute, and requests at once. Pure: the time is handed in."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Holds one minute's tokens at most and fills evenly; a wait for what it can hold is never above a minute."""

    per_minute: int
    level: float
    since: float

    @classmethod
    def full(cls, per_minute: int, now: float) -> "TokenBucket":
        return cls(per_minute, per_minute, now)

    def missing_s(self, tokens: int, now: float) -> float:
        """Seconds until it holds so many tokens; 0 if it does."""
        self._fill(now)
        return max(tokens - self.level, 0.0) * 60 / self.per_minute

    def take(self, tokens: int, now: float) -> None:
        """Take them out, which may not be more than it holds."""
        self._fill(now)
        self.level -= tokens

    def give_back(self, tokens: int) -> None:
        """Put back what was not used; it never holds more than a minute's worth."""
        self.level = min(self.level + tokens, self.per_minute)

    def _fill(self, now: float) -> None:
        gained = max(now - self.since, 0.0) * self.per_minute / 60
        self.level = min(self.level + gained, self.per_minute)
        self.since = max(now, self.since)
