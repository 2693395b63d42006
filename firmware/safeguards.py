"""The technical safeguards of the HIPAA Security Rule, 45 CFR 164.312, line by line: what the box
does, where in the evidence the proof lies, and what only the clinic itself can do.

Nothing here is advice on law, and nothing is claimed that this version does not do.
"""

from dataclasses import dataclass

STANDARD, REQUIRED, ADDRESSABLE = "standard", "required", "addressable"


@dataclass(frozen=True, slots=True)
class Safeguard:
    """One line of the rule. `proofs` name parts of the evidence."""

    line: str
    title: str
    kind: str
    box: str
    proofs: tuple[str, ...]
    clinic: str


SAFEGUARDS = (
    Safeguard(
        "(a)(1)",
        "Access control",
        STANDARD,
        "Every person has a password and a key pair of their own. A message opens by the keys of"
        " its mailbox's members and of nobody else, whatever their role; all other acts are open"
        " to roles by one table, by which the running exchange decides, and each refusal is"
        " entered. Whoever looks after the box, and the auditor, hear and read no patient.",
        ("people", "roles", "keys", "audit.jsonl"),
        "Invite and remove people on the day they come and go, look through the access review,"
        " and keep the box behind a locked door.",
    ),
    Safeguard(
        "(a)(2)(i)",
        "Unique user identification",
        REQUIRED,
        "Nobody signs in but by a name of their own; there is no shared account and no default"
        " password. Each entry of the audit names who it was; who has not signed in stands there"
        " as the shell, with the name of the system's user.",
        ("people", "audit.jsonl"),
        "Give each person a name of their own, and see that no password is passed on.",
    ),
    Safeguard(
        "(a)(2)(ii)",
        "Emergency access procedure",
        REQUIRED,
        "An envelope with a code opens every mailbox once; it is entered before anything opens,"
        " told to those in charge, and then void. The recovery paper opens everything where all"
        " passwords are lost.",
        ("envelope", "audit.jsonl"),
        "Make the envelope, seal it and keep it with the recovery paper in a safe; after it was"
        " opened make another. Decide who may open it.",
    ),
    Safeguard(
        "(a)(2)(iii)",
        "Automatic logoff",
        ADDRESSABLE,
        "A session ends by itself when it was idle for a quarter of an hour, after twelve hours"
        " in any case, and at once when the person's password or membership ends. A command's"
        " session ends with the command.",
        ("sessions",),
        "Let workstations lock themselves.",
    ),
    Safeguard(
        "(a)(2)(iv)",
        "Encryption and decryption",
        ADDRESSABLE,
        "A message is sealed second by second while it is spoken, to keys that only its members"
        " and the recovery paper open. Callers' numbers and names, what they keyed and notes lie"
        " sealed under the machine key; backups are sealed to the recovery paper and to the box"
        " itself. What the box can open by itself is listed under `thief`.",
        ("algorithms", "keys", "thief"),
        "Protect the box itself, for the machine key lies in it. What was exported as a plain"
        " file is the clinic's to protect and to delete.",
    ),
    Safeguard(
        "(b)",
        "Audit controls",
        STANDARD,
        "Sign-ins and refusals, listening, reading, exports, deletions, changes of people, keys"
        " and the site file, the envelope and the recovery paper, backups, restores and emergency"
        " calls stand in a chain of hashes, each entry signed. An entry that was changed, taken"
        " out or put in is named by its number.",
        ("audit", "audit.jsonl"),
        "Look through it regularly, and take this evidence off the box: whoever holds the machine"
        " key could write another chain, but not change what has left the box before.",
    ),
    Safeguard(
        "(c)(1)",
        "Integrity",
        STANDARD,
        "What was promised to a caller is on the disk before it is promised. Messages, receipts"
        " and the audit show whatever was done to them; what is kept is never removed to make"
        " room; a deletion is by rule or by a member, never under a legal hold, and leaves a"
        " signed receipt.",
        ("audit", "retention", "receipts.jsonl", "drills"),
        "Set how long each class is kept, and put on hold what must be kept longer.",
    ),
    Safeguard(
        "(c)(2)",
        "Mechanism to authenticate electronic protected health information",
        ADDRESSABLE,
        "Each second of a message and each header is authenticated (AES-256-GCM, HMAC-SHA-256); a"
        " flipped bit, other order, a foreign part, a cut or an addition is found when it is"
        " opened, and named. Sealed columns open only in their own place.",
        ("algorithms",),
        "Nothing more than to report what the box finds.",
    ),
    Safeguard(
        "(d)",
        "Person or entity authentication",
        STANDARD,
        "A password (argon2id, none of the commonest), after it a second factor where its owner"
        " has switched it on, with recovery codes; after some wrong ones the next waits longer"
        " and longer. On the telephone, a PIN.",
        ("people", "algorithms"),
        "Have everybody switch on the second factor: `people` shows who has not.",
    ),
    Safeguard(
        "(e)(1)",
        "Transmission security",
        STANDARD,
        "What is opened is opened on the box; notices say nothing of a patient, and e-mail goes"
        " under TLS or not at all. Calls go over the telephone network and the clinic's own"
        " wires: they are as safe as these are.",
        ("transmission",),
        "Keep telephones on a network of their own; ask the telephone company how calls on the"
        " trunk are protected, and have an agreement with it where the law asks for one.",
    ),
    Safeguard(
        "(e)(2)(i)",
        "Integrity controls",
        ADDRESSABLE,
        "Backups are authenticated by age and carry a hash of every file, and each is proved by a"
        " restore at night. Mail servers must prove who they are.",
        ("drills", "transmission"),
        "See in the morning that the drill went well.",
    ),
    Safeguard(
        "(e)(2)(ii)",
        "Encryption",
        ADDRESSABLE,
        "Backups leave the box sealed, wherever they go. Calls of telephones inside the clinic are"
        " encrypted where its site file says so, and on a trunk as far as the telephone company's"
        " server where it says so of the trunk.",
        ("transmission", "algorithms"),
        "Decide, and write down, whether calls on the clinic's network need more: a separate"
        " network, or a private trunk.",
    ),
)

# What is used, for what, and where it comes from. None of it is claimed to be a validated module.
ALGORITHMS = (
    ("AES-256-GCM", "each second of a message, sealed columns, seeds of keys", "cryptography"),
    ("HMAC-SHA-256", "headers of messages, keyed hashes of callers' numbers", "cryptography"),
    (
        "HPKE (RFC 9180): ML-KEM-1024 + P-384, HKDF-SHA-384, AES-256-GCM",
        "keys of messages to mailboxes, keys of mailboxes to members and to the recovery paper",
        "cryptography",
    ),
    ("HKDF (SHA-256, SHA-384)", "keys that grow from another", "cryptography"),
    ("argon2id", "passwords (64 MiB, 3 passes, 4 lanes) and PINs", "argon2-cffi"),
    ("scrypt", "the list of patients", "Python's hashlib"),
    ("Ed25519, SHA-256", "the audit's chain, receipts, this pack", "cryptography"),
    ("TOTP (RFC 6238), HMAC-SHA-1", "the second factor", "pyotp"),
    ("age (X25519, ChaCha20-Poly1305)", "backups", "pyrage"),
    ("TLS", "e-mail", "Python's ssl"),
    (
        "TLS 1.2; SRTP (RFC 3711, 4568)",
        "telephones and trunks where the site says so",
        "OpenSSL",
    ),
    ("DTLS-SRTP", "telephones in the browser", "OpenSSL and the browser"),
)
NO_VALIDATED_MODULE = (
    "No validated cryptographic module (FIPS 140) is claimed. The algorithms are those of the"
    " standards named, as the libraries named implement them."
)

MACHINE_KEY = "a file on the box's own disk"
THIEF_READS = (
    "callers' numbers and names, what callers keyed, what was noted on requests and on urgent"
    " messages, and the list of patients: they lie sealed under the machine key, and the machine"
    " key lies on the same disk",
    "urgent messages while they are open, the numbers of waiting call-backs, and mailboxes whose"
    " owner switched on listening by telephone: the box itself must open them",
    "the site file, names of people, which calls came and when, and how they ended",
)
THIEF_READS_NOT = (
    "any other message or recording: its key opens by a member's password or the recovery paper",
    "passwords, recovery codes, PINs and the envelope's code: only slow or long hashes are kept",
    "backups elsewhere, but by the box's own drill key, which is on the disk too",
)
TRANSMISSION = (
    "e-mail: TLS or STARTTLS with a trusted certificate, or nothing is sent; no patient is in it",
    "backups: sealed by age before they leave the box",
    "telephone calls: SIP and RTP as the site file says; inside the clinic, and on a trunk as far"
    " as the company's server, by TLS and SRTP where it says so; in the browser by TLS and"
    " DTLS-SRTP",
    "between the box's own programs: sockets of the same machine",
)
