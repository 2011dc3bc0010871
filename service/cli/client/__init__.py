"""What `nbest generate` and `nbest compare` share: the connection, the arguments, live output, tables.

Nothing here knows the server; it works through the published client, which is imported by need.
"""
