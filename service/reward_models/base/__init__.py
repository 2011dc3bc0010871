"""What every family shares: ports, errors, settings, rendering, the sanity check, and what a builder may use."""
