"""An engine that plays a script: `script` says what, `engine` is the port. For tests and development."""
