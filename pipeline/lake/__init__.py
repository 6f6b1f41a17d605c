"""The lake: Delta tables with fenced commits, and the checkpoints that lie beside them."""
