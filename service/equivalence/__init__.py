"""Whether two answers are equal as mathematics, decided by worker processes that can be killed.

`pool` is the port (`strategies.base.ports.Equivalence`), `program` what runs in a worker; the program is run by its
path and imports nothing of the service.
"""
