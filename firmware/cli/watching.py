"""What programs ask who watch the box from elsewhere: figures, and no name or number of anybody."""

import typer

from firmware import looks
from firmware.place import Place

app = typer.Typer()


@app.command()
def metrics() -> None:
    """How the box is, as Prometheus reads it; `careline_up 0` where no exchange answers."""
    look = looks.look(Place.from_environment().control_socket)
    typer.echo(look.metrics, nl=False)
