"""Arithmetic questions with known answers, answers made from them, and labels a step."""
