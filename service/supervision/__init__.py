"""Engines that die or hang are noticed, replaced in this process, and given up when they fail too often."""
