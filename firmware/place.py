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
# The exchange's, and the group's of the user `monitor` (systemd/tmpfiles.d).
MONITOR_RUN = Path("/run/careline-monitor")


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
    def versions(self) -> Path:
        """Published versions, a directory each, by number."""
        return self.asterisk / "versions"

    @property
    def publishing(self) -> Path:
        """Locked by whoever changes which version is in force."""
        return self.asterisk / "publish.lock"

    @property
    def trial(self) -> Path:
        """There while a version waits to be confirmed."""
        return self.asterisk / "trial.json"

    @property
    def spoken_before(self) -> Path:
        """What was spoken before the version that is being published, until that is confirmed."""
        return self.asterisk / "spoken-before"

    @property
    def draft(self) -> Path:
        """The site file while it is changed on the page: its steps, a file each."""
        return self.home / "draft"

    @property
    def tried(self) -> Path:
        """The draft as somebody hears it by telephone; not in a backup."""
        return self.home / "tried"

    @property
    def beginning(self) -> Path:
        """What the first run has been told so far; there until it is done."""
        return self.home / "beginning.json"

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
    def page_authority(self) -> Path:
        """Who vouches for the page to browsers; its key lies encrypted under the machine key."""
        return self.home / "page-authority.pem"

    @property
    def page_certificate(self) -> Path:
        """What the page shows to browsers now, with its key, encrypted likewise; never in a
        backup."""
        return self.home / "page-certificate.pem"

    @property
    def sip_certificate(self) -> Path:
        """What the exchange shows to telephones by TLS, with its authority and its key, as Asterisk
        reads it; never in a backup."""
        return self.asterisk / "keys" / "sip.pem"

    @property
    def sip_authorities(self) -> Path:
        """Who may vouch for the server of a trunk, as Asterisk reads it: made at each publish."""
        return self.asterisk / "keys" / "authorities.pem"

    @property
    def trusted(self) -> Path:
        """Authorities that an administrator trusts beside those of the machine."""
        return self.home / "trusted.pem"

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
    def paper_expected(self) -> Path:
        """The same of a paper that is just becoming the clinic's."""
        return self.home / "paper.expected"

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
    def night_told(self) -> Path:
        """What the timer of backups tried last without success."""
        return self.home / "night.json"

    @property
    def red_told(self) -> Path:
        """When somebody was told by e-mail that backups need them; there while they do."""
        return self.home / "backup.red"

    @property
    def backup_key(self) -> Path:
        """The box's own key to servers that take its backups, mode 0600; never in one of them."""
        return self.home / "backup.key"

    @property
    def backup_hosts(self) -> Path:
        """The keys by which these servers are known, each since it was met first."""
        return self.home / "backup.hosts"

    @property
    def audit_spool(self) -> Path:
        """Entries for the audit that wait for an exchange, one file each."""
        return self.home / "audit-spool"

    @property
    def doctor_told(self) -> Path:
        """What the line doctor found the last times."""
        return self.home / "doctor.json"

    @property
    def admins_told(self) -> Path:
        """How far into the audit those in charge have been told."""
        return self.home / "admins-told.json"

    @property
    def damage_told(self) -> Path:
        """When those in charge were told of databases set aside, and of which; there while they
        lie there."""
        return self.home / "damage-told.json"

    @property
    def update_bundle(self) -> Path:
        """A new version that waits; not in a backup."""
        return self.home / "update.raucb"

    @property
    def update_told(self) -> Path:
        """Which update waits, and what became of the last one; not in a backup."""
        return self.home / "update.json"

    @property
    def restoring(self) -> Path:
        """There from the moment a restore is decided until all of it is in place."""
        return self.home / "restoring.json"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.home / "run"

    @property
    def brought(self) -> Path:
        """Sounds that somebody has brought and not yet kept as a prompt; not in a backup."""
        return self.home / "brought"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def watch_socket(self) -> Path:
        """Where the user `monitor` asks, who may not enter `home`: little is answered there."""
        return MONITOR_RUN / "box.sock" if self.home == BOX else self.run / "watch" / "box.sock"

    @property
    def telco_socket(self) -> Path:
        """Where a rehearsal's telephone company is asked for a call; a box has none."""
        return self.run / "telco.sock"

    @property
    def root_socket(self) -> Path:
        return self.run / "root.sock"
