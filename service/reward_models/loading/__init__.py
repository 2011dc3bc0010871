"""From settings to loaded scorers: the table of kinds, known models, plans, memory, and the loader.

Only `service.app` loads; everything is checked before the first model starts.
"""
