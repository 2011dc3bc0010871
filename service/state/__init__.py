"""What outlives a request: token buckets of keys, and the events of runs."""
