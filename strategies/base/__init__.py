"""What every strategy is made of: types, ports, errors, budget, ranking, and the class `Strategy`."""
