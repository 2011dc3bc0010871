"""The parts of a candidate: what was thought, what was said, and which tools were called, compared as JSON values."""
