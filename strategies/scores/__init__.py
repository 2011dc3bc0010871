"""Pure functions from numbers to numbers: how the scores of steps become the score of an answer."""
