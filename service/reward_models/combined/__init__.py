"""Scorers made of other scorers: ensembles, and the weighted objectives of one head."""
