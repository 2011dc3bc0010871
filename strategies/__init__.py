"""What to draw and which answer to return: no web, no engine, no weights, no clock."""
