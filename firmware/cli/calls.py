"""Calls: listing them, watching the exchange, placing a test call."""

import typer

app = typer.Typer()
