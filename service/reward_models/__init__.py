"""Adapters of the scorer ports (`strategies.base.ports.OutcomeScorer`, `StepScorer`), a package a family.

`pooling/` reads a head in a vLLM engine, `transformers/` in a process of its own; `process/` and `implicit/` judge
steps; `judges/` ask a generator; `reward_functions/` need no model; `combined/` is made of other scorers; `remote/`
asks a server. `loading/registry` is the table of kinds; a new kind is one module, one settings class, one line there.
"""
