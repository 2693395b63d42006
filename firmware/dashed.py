"""Names that people type, as a site file has them: plain letters, digits and dashes.

An accent is left off rather than the letter that bears it: `Recepción niños` is recepcion-ninos.
"""

import re
import unicodedata


def dashed(typed: str) -> str:
    """Small letters, digits and single dashes between them; empty if nothing of it is left."""
    plain = unicodedata.normalize("NFKD", typed).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
