"""What concerns the site file: checking it, simulating it, publishing it."""

import typer

app = typer.Typer()
