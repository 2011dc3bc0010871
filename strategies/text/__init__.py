"""Reading text: one canonical spelling, numbers read whole, the last box, a caller's own pattern."""
