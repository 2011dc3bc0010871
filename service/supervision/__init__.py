"""Engines and reward models that die or hang are replaced behind the same object, within a restart budget."""
