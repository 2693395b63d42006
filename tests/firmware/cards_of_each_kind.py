"""A clinic with a telephone card of each kind, and what the kernel is to be told of them all:
`make proof-cards` gives it to DAHDI's own program."""

import sys

from firmware import settings
from firmware.asterisk import dahdi
from tests.sites import head

CARDS = (
    ("fxo", "1-2", ""),
    ("t1", "3-26", "span = 1"),
    ("bri", "27-29", "span = 2"),
    ("e1", "30-60", 'span = 3\necho = "off"'),
    ("bri-ptp", "61-63", 'span = 4\nswitch = "qsig"'),
)


def site() -> str:
    """The clinic's line comes by the first of them."""
    trunks = (
        f'[trunks.{kind}.card]\nkind = "{kind}"\nchannels = "{channels}"\ngroup = {group}\n{more}\n'
        for group, (kind, channels, more) in enumerate(CARDS, 1)
    )
    text = head(["101"]).replace('[trunks.telco]\nhost = "127.0.0.2"\n', "".join(trunks))
    return text.replace('trunk = "telco"', 'trunk = "fxo"').replace(
        'flow = "main"', 'phone = "101"'
    )


if __name__ == "__main__":
    sys.stdout.write(dahdi.system(settings.read(site())))
