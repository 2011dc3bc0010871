"""API keys: known by their hash, what each may do, and whose request this is. Imports nothing of the service."""
