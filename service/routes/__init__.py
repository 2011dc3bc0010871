"""One file a group of routes: read the request, call the runner, write the reply."""
