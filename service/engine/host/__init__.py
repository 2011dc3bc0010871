"""The machine below an engine: CPU cores, the tree of its processes, that they die with their parent, and workers."""
