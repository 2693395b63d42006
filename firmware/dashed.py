"""Names that people type, as a site file has them: plain letters, digits and dashes.

An accent is left off rather than the letter that bears it: `Recepción niños` is recepcion-ninos,
`Søren Łódź` is soren-lodz.
"""

import re
import unicodedata

# Letters whose stroke or second half Unicode does not take for a part of them.
_WHOLE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)


def dashed(typed: str) -> str:
    """Small letters, digits and single dashes between them; empty if nothing of it is left."""
    apart = unicodedata.normalize("NFKD", typed.casefold().translate(_WHOLE))
    plain = apart.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
