"""From text to answer, from answers to groups: extraction, canonical forms, equality, votes, steps."""
