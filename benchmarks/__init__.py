"""Measurements of quality and speed, each a ratio within one run; nothing here is a test."""
