"""Models and their front doors."""
