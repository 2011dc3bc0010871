"""Scorers without a reward model: rules, likelihood, scores that a caller brings, and a script."""
