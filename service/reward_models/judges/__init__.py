"""Scorers that have a generator judge: by a verdict's probability, by pairs, by a rubric."""
