"""One file a scenario: each starts a service of its own, does one kind of harm, and measures."""
