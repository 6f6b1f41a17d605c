"""The live view in Redis: provisional rows within a second, while the tables hold the truth."""
