"""The command line: `ragstone`."""

from app.cli.main import main

__all__ = ["main"]
