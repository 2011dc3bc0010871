"""Reward models with a head in a vLLM pooling engine: the engine, the head, the outcome scorer."""
