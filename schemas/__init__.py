"""The words of facestate: messages, tables, names and errors; no I/O, no torch, no ray."""
