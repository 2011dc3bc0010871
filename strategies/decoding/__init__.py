"""Rules that decide which next tokens may be drawn: pure tensor functions, batched, without an engine."""
