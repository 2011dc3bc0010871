"""How strategies run: engines, reward models, limits, metering and the HTTP surface."""
