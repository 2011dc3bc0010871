"""Adapters of the scorer ports: reward models loaded beside the generator."""
