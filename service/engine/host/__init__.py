"""The machine below an engine: CPU cores, the tree of its processes, and that they die with their parent."""
