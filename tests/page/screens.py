"""The screens of the page, each by an address as it stands on the tests' own site."""

import re
from collections.abc import Iterator
from itertools import product

from firmware.operations import ROUTES
from firmware.sections import SECTIONS

# What stands for a screen's parameters; tests/web/test_entrance.py names one that is not here.
PARTS = {
    "call": (),  # each call's own screen is opened by hand
    "extension": ("101",),
    "file": (),  # what telephones fetch is no screen
    "language": ("en",),
    "layer": ("first",),
    "modem": (),  # their site has none
    "name": ("101", "desk", "main", "office", "welcome"),
    "place": ("0",),
    "schedule": ("office",),
    "section": tuple(SECTIONS),
    "sound": (),  # nor is what is heard
    "token": (),
    "trunk": ("telco",),
}


def screens() -> Iterator[str]:
    """Every screen that an administrator can go to, those too that come to be."""
    for route in ROUTES:
        method, path = route.split()
        if method == "GET" and not path.startswith("/api/") and not path.endswith(("/live", "csv")):
            names = re.findall(r"{(\w+)}", path)
            for filled in product(*(PARTS[name] for name in names)):
                yield path.format(**dict(zip(names, filled, strict=True)))
