"""Search over live candidates: rounds of writing, scoring and pruning."""
