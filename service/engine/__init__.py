"""Adapters of the engine port (`strategies.base.ports.Engine`), a package each.

`vllm/` in process, `scripted/` for tests and development, `precomputed` for candidates that a caller brings.
`ports` adds what the service asks of an engine: its life, its facts, log-probabilities of a given text. `grammar/`
examines JSON schemas before an engine meets them. `tokenizer/` and `host/` are shared with reward models. Only `app`
constructs an engine.
"""
