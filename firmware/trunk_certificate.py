"""Whether a trunk's server shows a certificate that the box trusts: asked by a handshake of our
own, because Asterisk says no more than that the trunk is silent. Nothing is signalled by it."""

import asyncio
import ssl
from pathlib import Path

WITHIN_S = 5.0

OVER = "the telephone company's certificate is over, or the box's clock is wrong"
ANOTHER_NAME = "the telephone company's certificate is for another name"
UNKNOWN = "nobody whom the box trusts vouches for the telephone company's certificate"
NOT_IN_ORDER = "the telephone company's certificate is not in order"
# OpenSSL's verify codes (x509_vfy.h): not yet valid and expired; nobody known vouches; the name,
# and the address.
_WHY = {
    **dict.fromkeys((9, 10), OVER),
    **dict.fromkeys((18, 19, 20, 21), UNKNOWN),
    **dict.fromkeys((62, 64), ANOTHER_NAME),
}


async def fault_of(host: str, port: int, authorities: Path) -> str:
    """What is wrong with it, of the four above; empty: nothing, or there is none to be seen."""
    try:
        trusting = ssl.create_default_context(cafile=str(authorities))
        async with asyncio.timeout(WITHIN_S):
            _, writer = await asyncio.open_connection(host, port, ssl=trusting)
    except ssl.SSLCertVerificationError as wrong:
        return _WHY.get(wrong.verify_code, NOT_IN_ORDER)
    except (OSError, TimeoutError):
        return ""
    writer.close()
    return ""
