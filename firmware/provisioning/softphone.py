"""Telephones that are programs: Linphone's remote provisioning, and for every other the address of
the account (RFC 3261, 19.1), which has no password in it. Pure.

Linphone's file is the XML of its configuration (lpconfig.xsd of its SDK); sections and entries are
named as in its "Remote provisioning" and "linphonerc" pages. SIP goes by UDP and the talk is not
encrypted, or both are: who could fetch the file trusts the box's authority already.
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from firmware.provisioning.desk import Desk

KIND = "application/xml; charset=utf-8"


def address(desk: Desk) -> str:
    """What a square holds that any such program reads."""
    return f"sip:{desk.extension}@{desk.server.host}:{desk.port};transport={_transport(desk)}"


def linphone(desk: Desk) -> str:
    """The file of one program."""
    server = f"{desk.server.host}:{desk.port}"
    encryption: Mapping[str, str | int] = (
        {"media_encryption": "srtp", "media_encryption_mandatory": 1}
        if desk.is_secure
        else {"media_encryption": "none"}
    )
    sections: Mapping[str, Mapping[str, str | int]] = {
        "sip": {"default_proxy": 0, "sip_port": -1, **encryption},
        "proxy_0": {
            "reg_proxy": f"<sip:{server};transport={_transport(desk)}>",
            "reg_identity": f'"{desk.name}" <sip:{desk.extension}@{desk.server.host}>',
            "reg_expires": 3600,
            "reg_sendregister": 1,
            "publish": 0,
        },
        "auth_info_0": {
            "username": desk.extension,
            "userid": desk.extension,
            "passwd": desk.password,
            "domain": desk.server.host,
        },
    }
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">',
            *(line for name, entries in sections.items() for line in _section(name, entries)),
            "</config>",
            "",
        ]
    )


def _transport(desk: Desk) -> str:
    return "tls" if desk.is_secure else "udp"


def _section(name: str, entries: Mapping[str, str | int]) -> list[str]:
    lines = (
        f'    <entry name="{entry}" overwrite="true">{escape(str(value))}</entry>'
        for entry, value in entries.items()
    )
    return [f'  <section name="{name}">', *lines, "  </section>"]
