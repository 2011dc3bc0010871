"""Judging answers that are still being written: the rules, the candidates, and the two searches built on them."""
