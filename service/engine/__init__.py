"""Adapters of the engine port: vLLM in process, a script, and candidates that the caller brought."""
