"""Lets `python -m pipeline.cli` stand for the `facestate` command."""

from pipeline.cli.main import main

main()
