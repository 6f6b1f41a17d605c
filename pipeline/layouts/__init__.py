"""Table `frames` in the column layouts that other tools read."""

from pipeline.layouts.names import LAYOUTS, convert, needed_columns

__all__ = ["LAYOUTS", "convert", "needed_columns"]
