"""Where a site's files lie. One directory holds a site; everything else is named from it, here and
nowhere else.

On the box it is /var/lib/careline; `make run` and the tests make one of their own. Sockets live
under `run`, which must stay short: a UNIX socket's path holds 107 bytes (sys/un.h).
"""

import os
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_MAX = 107
BOX = Path("/var/lib/careline")


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one site."""

    home: Path

    @classmethod
    def from_environment(cls) -> "Place":
        """The directory that `CARELINE_HOME` names, else the box's own."""
        return cls(Path(os.environ.get("CARELINE_HOME", BOX)))

    @property
    def site_file(self) -> Path:
        """The published clinic.toml."""
        return self.home / "clinic.toml"

    @property
    def secrets(self) -> Path:
        """Random per site, mode 0600: AMI, phones, trunks."""
        return self.home / "secrets.toml"

    @property
    def ports(self) -> Path:
        """Where a rehearsal's services listen; a box has no such file."""
        return self.home / "ports.toml"

    @property
    def prompts(self) -> Path:
        """`LANGUAGE/NAME.wav`, 8 kHz mono 16 bit, and `music.wav`."""
        return self.home / "prompts"

    @property
    def asterisk(self) -> Path:
        """Asterisk's part: `current` -> `versions/N` (generated configuration), and its run, spool,
        log and db directories."""
        return self.home / "asterisk"

    @property
    def machine_key(self) -> Path:
        """32 random bytes, mode 0600: seals callers' numbers and names in the stores."""
        return self.home / "machine.key"

    @property
    def calls_db(self) -> Path:
        return self.home / "calls.db"

    @property
    def page_db(self) -> Path:
        return self.home / "page.db"

    @property
    def ledger_log(self) -> Path:
        return self.home / "ledger.log"

    @property
    def messages(self) -> Path:
        """Sealed messages, one file each."""
        return self.home / "messages"

    @property
    def paper_recipient(self) -> Path:
        """Whom backups are made out to: public, grown from the recovery paper."""
        return self.home / "paper.recipient"

    @property
    def drill_key(self) -> Path:
        """The box's own key to its backups, mode 0600; never in one of them."""
        return self.home / "drill.key"

    @property
    def backup_told(self) -> Path:
        """How the last backup went."""
        return self.home / "backup.json"

    @property
    def drill_told(self) -> Path:
        """How the last drill went."""
        return self.home / "drill.json"

    @property
    def restoring(self) -> Path:
        """There from the moment a restore is decided until all of it is in place."""
        return self.home / "restoring.json"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.home / "run"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def telco_socket(self) -> Path:
        """Where a rehearsal's telephone company is asked for a call; a box has none."""
        return self.run / "telco.sock"

    @property
    def root_socket(self) -> Path:
        return self.run / "root.sock"
