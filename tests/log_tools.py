"""Keeping a test's changes to loggers to itself."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.logs import ROOMS


@contextmanager
def loggers_put_back() -> Iterator[None]:
    """Put handlers and levels back as they were."""
    loggers = [logging.getLogger(name) for name in ("", *ROOMS)]
    levels = [logger.level for logger in loggers]
    handlers = list(logging.getLogger().handlers)
    try:
        yield
    finally:
        logging.getLogger().handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
