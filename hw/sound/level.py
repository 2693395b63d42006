"""A level as a bar of characters, for a terminal. Pure."""

QUIETEST_DBM0, LOUDEST_DBM0 = -60.0, 0.0
COLUMNS = 40


def bar(dbm0: float) -> str:
    """From silence to as loud as it gets, always as long."""
    part = (dbm0 - QUIETEST_DBM0) / (LOUDEST_DBM0 - QUIETEST_DBM0)
    full = round(min(1.0, max(0.0, part)) * COLUMNS)
    return "#" * full + "." * (COLUMNS - full)
