"""The project's own tools: set-up, locks, generated documentation and its checks."""
