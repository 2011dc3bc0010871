"""From scored candidates to an outcome: what is returned, best first, and what became of the rest."""
