"""The services themselves: exchange, root, and the runner behind `make run`."""

import typer

app = typer.Typer()
