"""How good the embedded reward model is: metrics, sampled answers, and the tables of the documentation."""
