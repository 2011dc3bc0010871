"""What can be seen of a request from outside: its progress, its line in the log, its spans. Never a text."""
