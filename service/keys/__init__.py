"""Who may use the service: keys known by their hash, what each may do, and whose request this is."""
