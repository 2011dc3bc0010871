"""Truncation rules on token distributions. The only folder of `strategies` that imports torch."""
