"""Tokenisers as the adapters use them: a chat rendered by its template, and text as it grows by tokens."""
