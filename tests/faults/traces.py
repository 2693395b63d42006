"""What a storm in which something went wrong leaves to be read: its logs and its ledger."""

import shutil
from pathlib import Path

KEPT = ("*.log", "errors", "calls.db*")


def keep(clinic: Path, where: Path) -> None:
    """Copy them there, in the folders they lay in."""
    for pattern in KEPT:
        for found in clinic.rglob(pattern):
            to = where / found.relative_to(clinic)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, to)
