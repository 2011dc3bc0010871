"""Implicit process rewards: log-ratios of a policy and its reference, token by token."""
