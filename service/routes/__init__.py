"""The HTTP routes, one file a group; a route reads a request, hands it to the runner and writes the reply."""
