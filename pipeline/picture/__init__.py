"""The timeline picture: what each face of a call showed, as a PNG."""

from pipeline.picture.page import draw_timeline

__all__ = ["draw_timeline"]
