"""The service under faults: what is promised, what was measured. `python -m tests.chaos`, or `make chaos`."""
