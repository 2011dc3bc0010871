"""May a request start: what it may cost, its key's quota, and a fair queue between keys.

`validation` and `cost` refuse what can never be admitted, `controller` admits or queues, `quota` charges a key.
The runner calls it; it knows neither HTTP nor strategies' rules.
"""
