"""What every endpoint of the clinic's begins with, and how one signs in. Text only; pure."""

from firmware.asterisk import written

ENDPOINT = (
    "type=endpoint", "transport=udp", "disallow=all", "allow=ulaw,alaw", "direct_media=no",
    "rtp_symmetric=yes", "force_rport=yes", "rewrite_contact=yes", "dtmf_mode=rfc4733",
    "allow_overlap=no", "moh_suggest=default",
)  # fmt: skip


def auth(title: str, user: str, password: str) -> str:
    """A user and their password, for either direction."""
    return written.section(
        title,
        [
            "type=auth",
            "auth_type=userpass",
            f"username={user}",
            f"password={written.value(password)}",
        ],
    )
