"""Outcome scorers behind another server's HTTP interface: vLLM's and TEI's."""
