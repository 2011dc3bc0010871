"""Requests that nobody would send, made from the service's own OpenAPI document."""
