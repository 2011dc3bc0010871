"""WHAT to sample and WHICH answer to return: one file a strategy, listed in `catalog`.

Pure: no web, no engine, no weights, no clock. The folders hold what strategies share; none imports a strategy.
"""
