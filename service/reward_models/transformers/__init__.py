"""Reward models that vLLM cannot load, read by transformers in a process of its own.

Imports of the library of the same name are absolute everywhere, so the two never meet.
"""
