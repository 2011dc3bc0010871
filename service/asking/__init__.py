"""`nbest generate` and `nbest compare`: what a person asks in a terminal, through the Python client."""
