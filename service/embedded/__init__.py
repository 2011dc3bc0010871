"""The embedded models: a small generator and a trained reward model that need no network but a package index."""
