"""Trains the adapter of the embedded reward model; resumable, on the cores that it is given."""
