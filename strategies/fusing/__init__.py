"""Fusing several texts into one: what a fusor is shown, in which order, and how its reply is read."""
