"""Checks of a checkpoint before it is loaded: its architecture, its head, and no remote code."""
