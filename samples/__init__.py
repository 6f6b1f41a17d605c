"""The rendered sample call, its renderer and the demo that analyses it."""
