"""People and sealed messages: set-up, listing, playing, export, deletion."""

import typer

app = typer.Typer()
