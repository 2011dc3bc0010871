"""What every request passes first: bounds on connections, times and sizes, an id of ours, the way out at a stop."""
