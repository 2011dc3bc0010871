"""The wire: OpenAI's shapes, ours beside them, and errors. Shapes and translation only; nothing here waits."""
