"""Ending work in good order on SIGINT and SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that the first SIGINT or SIGTERM sets; a second one interrupts at once."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        click.echo("facestate: finishing the segment in hand; once more to stop at once", err=True)

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say_interrupted(*, is_replace: bool = False) -> None:
    """Say that work is left and how to go on; with `--replace` the same command starts anew."""
    how = "start the same command again to go on"
    if is_replace:
        how = (
            "the same command begins every call anew; without --replace calls in hand go on, and "
            "calls not reached keep their earlier results"
        )
    click.echo(f"facestate: interrupted; {how}", err=True)
