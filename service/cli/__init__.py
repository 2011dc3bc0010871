"""The commands of `nbest`, one file a command; `main` registers them.

`options` and `terminal` are shared and import neither FastAPI nor vLLM, so that `nbest --help` is quick. A command
imports what it runs inside its function. `client/` holds what the commands that ask a running service share.
"""
