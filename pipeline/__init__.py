"""Wiring: sources, sinks, the stream worker, queries and the command line."""
