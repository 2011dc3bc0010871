"""Numbers to numbers: aggregation of steps, normalisation, ensembles, quantiles, likelihood, win rates."""
