"""Fusing candidates to a new answer: the fusor's prompt, its order, its reply whole and streamed."""
