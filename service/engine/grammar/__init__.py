"""Whether a JSON schema can be followed at all, and at what price: found out in processes that can be killed."""
