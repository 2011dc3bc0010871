"""Process reward models: how each writes its steps (`formats`, `layouts`), and the step scorer on their rows."""
