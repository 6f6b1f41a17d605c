"""Lists of recordings: reading them, working through them in parallel, their report and tags."""
