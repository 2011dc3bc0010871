"""Mathematics in answers: a formula as a tree, its exact and floating values, units, and which values are near.

Knows nothing of candidates and votes; `strategies.answers.equivalence` groups answers with it.
"""
