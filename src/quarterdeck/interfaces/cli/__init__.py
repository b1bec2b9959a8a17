"""The command line: `quarterdeck`."""

from quarterdeck.interfaces.cli.application import app, main

__all__ = ["app", "main"]
