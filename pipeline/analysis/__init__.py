"""The stream worker and what it is made of: from a segment to the rows of three tables."""
