"""Who may do what: one table, and what does not stand in it may nobody do.

Each control request, each command and each page of ours is one operation, and an operation is open
to roles. The running exchange decides by this table (firmware/doorkeeper.py), and so does a command
that opens something by itself. Whoever sits at the box's own shell and has not signed in is its
technician: they look after the box, and never hear or read a patient, nor change what a caller was
promised.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person does at the clinic."""

    ADMIN = "admin"
    TECHNICIAN = "technician"
    FRONT_DESK = "front desk"
    NURSE = "nurse"
    PROVIDER = "provider"
    AUDITOR = "auditor"


class Operation(StrEnum):
    """What can be done, in a few words that a clinic understands."""

    LOOK = "see how the box, its telephones and its calls are, and no caller's name or number"
    OPERATE = "pause telephones, switch hours, place a test call"
    CONFIGURE = "put a site file in force"
    SAFEGUARD = "back up, restore, and try it"
    SERVE = "run the services"
    ACCOUNT = "have an act entered in the audit"
    REVIEW = "read the audit, and take it and the evidence along"
    SETTLE = "see to call-backs, requests, urgent messages and blocked callers"
    READ = "read who called, and what they keyed"
    LISTEN = "hear, take along and delete messages of one's own mailboxes"
    TALK = "have a telephone of the clinic in the browser"
    PATIENTS = "bring or forget the list of patients"
    PEOPLE = "say who belongs to the clinic, and who opens what"
    HOLD = "put on legal hold, and release"
    OWN = "see to one's own password and second factor"
    PROVE = "come with an invitation, the envelope or the recovery paper, which decide"


EVERYBODY = frozenset(Role)
CLINIC = EVERYBODY - {Role.TECHNICIAN, Role.AUDITOR}  # who may meet a patient's words
BOX = frozenset({Role.ADMIN, Role.TECHNICIAN})

ROLES: Mapping[Operation, frozenset[Role]] = {
    Operation.LOOK: EVERYBODY,
    Operation.OPERATE: EVERYBODY - {Role.AUDITOR},
    Operation.CONFIGURE: BOX,
    Operation.SAFEGUARD: BOX,
    Operation.SERVE: frozenset({Role.TECHNICIAN}),
    Operation.ACCOUNT: EVERYBODY,
    Operation.REVIEW: BOX | {Role.AUDITOR},
    Operation.SETTLE: CLINIC,
    Operation.READ: CLINIC,
    Operation.LISTEN: CLINIC,
    Operation.TALK: CLINIC,
    Operation.PATIENTS: frozenset({Role.ADMIN, Role.FRONT_DESK}),
    Operation.PEOPLE: frozenset({Role.ADMIN}),
    Operation.HOLD: frozenset({Role.ADMIN}),
    Operation.OWN: EVERYBODY,
    Operation.PROVE: EVERYBODY,
}

# What a program may do by somebody's token, where that person's role may: nothing that needs their
# keys or password, nothing that decides who belongs to the clinic, is deleted or is accounted for.
BY_TOKEN = frozenset(
    {Operation.LOOK, Operation.OPERATE, Operation.CONFIGURE, Operation.REVIEW, Operation.SETTLE}
)

# What may be asked at the control socket, by its `ask`.
REQUESTS: Mapping[str, Operation] = {
    "adopt": Operation.CONFIGURE,
    "allow outside": Operation.CONFIGURE,
    "allow texts": Operation.SETTLE,
    "agents": Operation.LOOK,
    "audit": Operation.ACCOUNT,
    "backing": Operation.LOOK,
    "block": Operation.SETTLE,
    "board": Operation.LOOK,
    "call me": Operation.CONFIGURE,
    "call mobile": Operation.CONFIGURE,
    "call out": Operation.SETTLE,
    "callbacks": Operation.LOOK,
    "calls": Operation.LOOK,
    "cancel callback": Operation.SETTLE,
    "doctor": Operation.OPERATE,
    "doctor line": Operation.CONFIGURE,
    "doctor phones": Operation.OPERATE,
    "doctor stop": Operation.OPERATE,
    "drill": Operation.SAFEGUARD,
    "duty": Operation.OPERATE,
    "explain": Operation.LOOK,
    "hold": Operation.HOLD,
    "leases": Operation.LOOK,
    "lines": Operation.LOOK,
    "mark_message": Operation.LISTEN,
    "message_act": Operation.LISTEN,
    "missed": Operation.LOOK,
    "outside": Operation.LOOK,
    "panel": Operation.OPERATE,
    "power": Operation.LOOK,
    "release hold": Operation.HOLD,
    "request": Operation.LOOK,
    "request_act": Operation.SETTLE,
    "requests": Operation.LOOK,
    "ring for handset": Operation.OPERATE,
    "selftest": Operation.OPERATE,
    "settle_lease": Operation.SETTLE,
    "speak prompt": Operation.CONFIGURE,
    "status": Operation.LOOK,
    "sweep_listening": Operation.LISTEN,
    "switch": Operation.OPERATE,
    "switches": Operation.LOOK,
    "texts": Operation.SETTLE,
    "watch": Operation.LOOK,
}

# What can be typed after `careline`; with an option, where that opens more than the command alone.
COMMANDS: Mapping[str, Operation] = {
    "agents": Operation.LOOK,
    "agents pause": Operation.OPERATE,
    "agents resume": Operation.OPERATE,
    "agents sign-in": Operation.OPERATE,
    "agents sign-out": Operation.OPERATE,
    "audit enter": Operation.ACCOUNT,
    "audit export": Operation.REVIEW,
    "audit list": Operation.REVIEW,
    "audit verify": Operation.REVIEW,
    "backup": Operation.SAFEGUARD,
    "backup-paper": Operation.PROVE,
    "backups": Operation.SAFEGUARD,
    "backups key": Operation.SAFEGUARD,
    "bench": Operation.SERVE,
    "block": Operation.SETTLE,
    "call": Operation.OPERATE,
    "callbacks": Operation.LOOK,
    "callbacks cancel": Operation.SETTLE,
    "calls": Operation.LOOK,
    "check": Operation.LOOK,
    "doctor": Operation.OPERATE,
    "doctor --call": Operation.CONFIGURE,
    "doctor phones": Operation.OPERATE,
    "doctor stop": Operation.OPERATE,
    "drill": Operation.SAFEGUARD,
    "dtmf": Operation.SERVE,
    "evidence make": Operation.REVIEW,
    "evidence verify": Operation.REVIEW,
    "exchange": Operation.SERVE,
    "explain": Operation.LOOK,
    "figures": Operation.LOOK,
    "guard list": Operation.LOOK,
    "guard unblock": Operation.CONFIGURE,
    "hold": Operation.HOLD,
    "holds": Operation.LOOK,
    "holds --why": Operation.HOLD,
    "lines": Operation.LOOK,
    "lines providers": Operation.LOOK,
    "lines settings": Operation.CONFIGURE,
    "lines trust": Operation.CONFIGURE,
    "messages delete": Operation.LISTEN,
    "messages done": Operation.LISTEN,
    "messages export": Operation.LISTEN,
    "messages forward": Operation.LISTEN,
    "messages give": Operation.LISTEN,
    "messages list": Operation.LISTEN,
    "messages listen-by-phone": Operation.LISTEN,
    "messages new": Operation.LISTEN,
    "messages note": Operation.LISTEN,
    "messages number": Operation.LISTEN,
    "messages play": Operation.LISTEN,
    "messages show": Operation.LISTEN,
    "missed": Operation.LOOK,
    "network": Operation.LOOK,
    "network back": Operation.CONFIGURE,
    "network confirm": Operation.CONFIGURE,
    "network try": Operation.CONFIGURE,
    "oncall accept": Operation.SETTLE,
    "oncall close": Operation.SETTLE,
    "oncall leases": Operation.LOOK,
    "oncall pin": Operation.PEOPLE,
    "oncall sheet": Operation.LOOK,
    "oncall sheet --unlock": Operation.READ,
    "oncall show": Operation.LOOK,
    "outside": Operation.LOOK,
    "outside allow": Operation.CONFIGURE,
    "panel": Operation.OPERATE,
    "patients": Operation.LOOK,
    "patients forget": Operation.PATIENTS,
    "patients import": Operation.PATIENTS,
    "people accept": Operation.PROVE,
    "people agree": Operation.PEOPLE,
    "people break-glass": Operation.PROVE,
    "people codes": Operation.OWN,
    "people envelope": Operation.PEOPLE,
    "people grant": Operation.PROVE,
    "people invite": Operation.PEOPLE,
    "people list": Operation.LOOK,
    "people new-paper": Operation.PEOPLE,
    "people password": Operation.OWN,
    "people remove": Operation.PEOPLE,
    "people renew": Operation.PEOPLE,
    "people second-factor": Operation.OWN,
    "people sessions": Operation.LOOK,
    "people sign-out": Operation.OWN,
    "power": Operation.LOOK,
    "prompts": Operation.LOOK,
    "prompts back": Operation.CONFIGURE,
    "prompts export": Operation.LOOK,
    "prompts import": Operation.CONFIGURE,
    "prompts play": Operation.LOOK,
    "prompts record": Operation.CONFIGURE,
    "prompts say": Operation.CONFIGURE,
    "prompts trim": Operation.CONFIGURE,
    "prompts versions": Operation.LOOK,
    "publish": Operation.CONFIGURE,
    "recordings delete": Operation.LISTEN,
    "recordings export": Operation.LISTEN,
    "recordings list": Operation.LISTEN,
    "recordings play": Operation.LISTEN,
    "release": Operation.HOLD,
    "replay": Operation.LOOK,
    "requests": Operation.LOOK,
    "requests done": Operation.SETTLE,
    "requests give": Operation.SETTLE,
    "requests note": Operation.SETTLE,
    "requests reopen": Operation.SETTLE,
    "requests show": Operation.LOOK,
    "requests show --open": Operation.READ,
    "requests take": Operation.SETTLE,
    "requests text": Operation.SETTLE,
    "restore": Operation.SAFEGUARD,
    "retention": Operation.LOOK,
    "retention receipts": Operation.REVIEW,
    "root": Operation.SERVE,
    "run": Operation.SERVE,
    "setup": Operation.CONFIGURE,
    "simulate": Operation.LOOK,
    "sound handset": Operation.OPERATE,
    "sound list": Operation.LOOK,
    "sound test": Operation.CONFIGURE,
    "status": Operation.LOOK,
    "switch": Operation.OPERATE,
    "texts": Operation.SETTLE,
    "texts allow": Operation.SETTLE,
    "unblock": Operation.SETTLE,
    "versions": Operation.LOOK,
    "versions back": Operation.CONFIGURE,
    "versions compare": Operation.LOOK,
    "versions show": Operation.LOOK,
    "web": Operation.SERVE,
    "when": Operation.LOOK,
}

# What the page serves; None is open to whoever comes, for nobody has signed in there yet. A path
# that ends in `/live` is read by the page itself, and keeps nobody signed in. What begins with
# `/api/` is asked by programs, with a token and never by a cookie.
ROUTES: Mapping[str, Operation | None] = {
    "GET /": None,
    "GET /begin": Operation.CONFIGURE,
    "GET /begin/clinic": Operation.CONFIGURE,
    "POST /begin/clinic": Operation.CONFIGURE,
    "GET /begin/hours": Operation.CONFIGURE,
    "POST /begin/hours": Operation.CONFIGURE,
    "GET /begin/menu": Operation.CONFIGURE,
    "POST /begin/menu": Operation.CONFIGURE,
    "GET /begin/people": Operation.CONFIGURE,
    "POST /begin/people": Operation.CONFIGURE,
    "GET /begin/phones": Operation.CONFIGURE,
    "POST /begin/phones": Operation.CONFIGURE,
    "GET /begin/test": Operation.CONFIGURE,
    "POST /begin/mobile": Operation.CONFIGURE,
    "POST /begin/test": Operation.OPERATE,
    "POST /begin/done": Operation.CONFIGURE,
    "GET /calls": Operation.LOOK,
    "POST /calls": Operation.READ,
    "GET /calls/{call}": Operation.LOOK,
    "POST /calls/{call}": Operation.READ,
    "GET /calls/{call}/sound": Operation.LISTEN,
    "POST /call-back": Operation.SETTLE,
    "GET /api/v1/agents": Operation.LOOK,
    "GET /api/v1/callbacks": Operation.LOOK,
    "GET /api/v1/calls": Operation.LOOK,
    "GET /api/v1/calls/{call}": Operation.LOOK,
    "GET /api/v1/figures": Operation.LOOK,
    "GET /api/v1/hours": Operation.LOOK,
    "POST /api/v1/hours/{hours}": Operation.OPERATE,
    "GET /api/v1/openapi.json": None,
    "GET /api/v1/requests": Operation.LOOK,
    "GET /api/v1/requests/{request}": Operation.LOOK,
    "POST /api/v1/requests/{request}": Operation.SETTLE,
    "GET /api/v1/status": Operation.LOOK,
    "GET /api/v1/today": Operation.LOOK,
    "GET /api/v1/versions": Operation.LOOK,
    "GET /programs": Operation.OWN,
    "POST /programs": Operation.OWN,
    "POST /programs/end": Operation.OWN,
    "GET /figures": Operation.LOOK,
    "GET /figures/csv": Operation.LOOK,
    "GET /figures/lines": Operation.LOOK,
    "GET /hours": Operation.LOOK,
    "POST /hours/bring/{schedule}": Operation.CONFIGURE,
    "GET /hours/calendars/{schedule}": Operation.CONFIGURE,
    "POST /hours/calendars/{schedule}/take-out": Operation.CONFIGURE,
    "POST /hours/cover": Operation.CONFIGURE,
    "POST /hours/exception": Operation.CONFIGURE,
    "GET /hours/exception/{schedule}/{place}": Operation.CONFIGURE,
    "POST /hours/exception/{schedule}/{place}": Operation.CONFIGURE,
    "GET /hours/holiday": Operation.CONFIGURE,
    "POST /hours/holiday": Operation.CONFIGURE,
    "POST /hours/holiday/times": Operation.CONFIGURE,
    "GET /hours/month": Operation.LOOK,
    "GET /hours/oncall": Operation.CONFIGURE,
    "POST /hours/oncall": Operation.CONFIGURE,
    "GET /hours/oncall/new": Operation.CONFIGURE,
    "POST /hours/oncall/new": Operation.CONFIGURE,
    "GET /hours/oncall/{layer}/new": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/new": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/rename": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/sooner": Operation.CONFIGURE,
    "GET /hours/oncall/{layer}/{place}": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/{place}": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/{place}/sooner": Operation.CONFIGURE,
    "POST /hours/oncall/{layer}/{place}/take-away": Operation.CONFIGURE,
    "POST /hours/region": Operation.CONFIGURE,
    "GET /hours/schedule": Operation.CONFIGURE,
    "POST /hours/schedule": Operation.CONFIGURE,
    "GET /hours/schedule/{name}": Operation.CONFIGURE,
    "POST /hours/schedule/{name}": Operation.CONFIGURE,
    "POST /hours/schedule/{name}/rename": Operation.CONFIGURE,
    "POST /hours/schedule/{name}/take-away": Operation.CONFIGURE,
    "POST /hours/swap": Operation.CONFIGURE,
    "POST /hours/take-away": Operation.CONFIGURE,
    "GET /first": None,
    "POST /first": None,
    "GET /first/paper": None,
    "POST /first/paper": None,
    "GET /first/admin": None,
    "POST /first/admin": None,
    "GET /invited": None,
    "POST /invited": None,
    "POST /language": None,
    # Telephones come with a link that is good once, and with nothing else.
    "GET /provision/{token}/{file}": None,
    "POST /policy": None,
    "GET /messages": Operation.LISTEN,
    "GET /messages/live": Operation.LISTEN,
    "POST /messages/act": Operation.LISTEN,
    "POST /messages/call-back": Operation.SETTLE,
    "POST /messages/delete": Operation.LISTEN,
    "POST /messages/forward": Operation.LISTEN,
    "POST /messages/hear": Operation.LISTEN,
    "POST /messages/heard": Operation.LISTEN,
    "POST /messages/note": Operation.LISTEN,
    "POST /messages/open": Operation.LISTEN,
    "POST /requests/act": Operation.SETTLE,
    "POST /requests/open": Operation.READ,
    "GET /passwords/email": Operation.CONFIGURE,
    "POST /passwords/email": Operation.CONFIGURE,
    "GET /passwords/modems/{modem}": Operation.CONFIGURE,
    "POST /passwords/modems/{modem}": Operation.CONFIGURE,
    "GET /passwords/trunks/{trunk}": Operation.CONFIGURE,
    "POST /passwords/trunks/{trunk}": Operation.CONFIGURE,
    "GET /pins": Operation.PEOPLE,
    "POST /pins": Operation.PEOPLE,
    "POST /pins/make": Operation.PEOPLE,
    "GET /prompts": Operation.CONFIGURE,
    "GET /prompts/of/{language}/{name}": Operation.CONFIGURE,
    "GET /prompts/sound/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/back/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/bring/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/hint/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/ring/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/say/{language}/{name}": Operation.CONFIGURE,
    "POST /prompts/trim/{language}/{name}": Operation.CONFIGURE,
    "GET /prompts/new/{sound}": Operation.CONFIGURE,
    "GET /prompts/new/{sound}/heard": Operation.CONFIGURE,
    "POST /prompts/new/{sound}/drop": Operation.CONFIGURE,
    "POST /prompts/new/{sound}/keep": Operation.CONFIGURE,
    "GET /audit": Operation.REVIEW,
    "POST /audit/take": Operation.REVIEW,
    "POST /audit/verify": Operation.REVIEW,
    "GET /evidence": Operation.REVIEW,
    "POST /evidence/make": Operation.REVIEW,
    "GET /backups": Operation.SAFEGUARD,
    "POST /backups": Operation.SAFEGUARD,
    "POST /backups/drill": Operation.SAFEGUARD,
    "GET /backups/live": Operation.SAFEGUARD,
    "GET /stopped": Operation.CONFIGURE,
    "POST /stopped": Operation.CONFIGURE,
    "GET /doctor": Operation.OPERATE,
    "POST /doctor": Operation.OPERATE,
    "POST /doctor/line": Operation.CONFIGURE,
    "GET /doctor/live": Operation.OPERATE,
    "POST /doctor/phones": Operation.OPERATE,
    "GET /doctor/sheet": Operation.OPERATE,
    "POST /doctor/stop": Operation.OPERATE,
    "GET /guard": Operation.CONFIGURE,
    "POST /guard/unblock": Operation.CONFIGURE,
    "GET /network": Operation.CONFIGURE,
    "POST /network": Operation.CONFIGURE,
    "POST /network/confirm": Operation.CONFIGURE,
    "GET /network/keep": None,
    "POST /network/keep": None,
    "POST /network/take-back": Operation.CONFIGURE,
    "POST /network/undo": Operation.CONFIGURE,
    "GET /own": Operation.OWN,
    "POST /own/codes": Operation.OWN,
    "GET /own/factor": Operation.OWN,
    "POST /own/factor": Operation.OWN,
    "POST /own/factor/off": Operation.OWN,
    "POST /own/password": Operation.OWN,
    "GET /papers": Operation.PEOPLE,
    "POST /papers/envelope": Operation.PEOPLE,
    "POST /papers/recovery": Operation.PEOPLE,
    "POST /papers/recovery/keep": Operation.PEOPLE,
    "GET /rooms": Operation.CONFIGURE,
    "GET /rooms/phones/bring": Operation.CONFIGURE,
    "POST /rooms/phones/bring": Operation.CONFIGURE,
    "POST /rooms/phones/bring/take": Operation.CONFIGURE,
    "GET /rooms/phones/set-up/{extension}": Operation.CONFIGURE,
    "POST /rooms/phones/set-up/{extension}": Operation.CONFIGURE,
    "GET /rooms/phones/table.csv": Operation.CONFIGURE,
    "GET /rooms/sheets/extensions": Operation.CONFIGURE,
    "GET /rooms/sheets/wall": Operation.CONFIGURE,
    "POST /rooms/redo": Operation.CONFIGURE,
    "POST /rooms/undo": Operation.CONFIGURE,
    "GET /rooms/{section}": Operation.CONFIGURE,
    "POST /rooms/{section}": Operation.CONFIGURE,
    "GET /rooms/{section}/new": Operation.CONFIGURE,
    "POST /rooms/{section}/new": Operation.CONFIGURE,
    "GET /rooms/{section}/part/{name}": Operation.CONFIGURE,
    "POST /rooms/{section}/part/{name}": Operation.CONFIGURE,
    "POST /rooms/{section}/part/{name}/rename": Operation.CONFIGURE,
    "POST /rooms/{section}/part/{name}/take-away": Operation.CONFIGURE,
    "POST /rooms/{section}/take-away": Operation.CONFIGURE,
    "GET /menus": Operation.CONFIGURE,
    "POST /menus/add": Operation.CONFIGURE,
    "POST /menus/change": Operation.CONFIGURE,
    "POST /menus/check": Operation.CONFIGURE,
    "POST /menus/duplicate": Operation.CONFIGURE,
    "POST /menus/new": Operation.CONFIGURE,
    "POST /menus/redo": Operation.CONFIGURE,
    "POST /menus/remove": Operation.CONFIGURE,
    "POST /menus/rename": Operation.CONFIGURE,
    "POST /menus/undo": Operation.CONFIGURE,
    "GET /bar/live": Operation.LOOK,
    "GET /phone": Operation.TALK,
    "GET /phone/live": Operation.TALK,
    "GET /publish": Operation.CONFIGURE,
    "GET /publish/compare": Operation.CONFIGURE,
    "GET /publish/live": Operation.CONFIGURE,
    "GET /publish/picture": Operation.CONFIGURE,
    "POST /publish": Operation.CONFIGURE,
    "POST /publish/again": Operation.CONFIGURE,
    "POST /publish/confirm": Operation.CONFIGURE,
    "POST /publish/discard": Operation.CONFIGURE,
    "POST /publish/take-back": Operation.CONFIGURE,
    "GET /try": Operation.CONFIGURE,
    "GET /try/sound/{language}/{name}": Operation.CONFIGURE,
    "POST /try/call-me": Operation.CONFIGURE,
    "POST /try/forget": Operation.CONFIGURE,
    "POST /try/keep": Operation.CONFIGURE,
    "POST /try/walk": Operation.CONFIGURE,
    "GET /sign-in": None,
    "POST /sign-in": None,
    "POST /sign-out": Operation.OWN,
    "GET /staff": Operation.PEOPLE,
    "POST /staff/agree": Operation.PEOPLE,
    "POST /staff/invite": Operation.PEOPLE,
    "POST /staff/remove": Operation.PEOPLE,
    "POST /staff/sign-out": Operation.PEOPLE,
    "POST /stay": Operation.OWN,
    "GET /texts": Operation.SETTLE,
    "POST /texts": Operation.SETTLE,
    "GET /today": Operation.LOOK,
    "GET /today/live": Operation.LOOK,
    "POST /today/switch": Operation.OPERATE,
    "GET /wall": Operation.LOOK,
    "GET /wall/live": Operation.LOOK,
    "POST /wall/begin": Operation.OPERATE,
    "POST /wall/end": Operation.OPERATE,
}


# What goes on by a WebSocket, by its path.
SOCKETS: Mapping[str, Operation] = {"/ws": Operation.TALK}


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever asks for something: a person who signed in, or who sits at the box's shell."""

    name: str
    role: Role
    token: int | None = None  # the number of the token by which a program asks for them

    def may(self, operation: Operation) -> bool:
        """Whether they may do it, in the way they ask."""
        return may(self.role, operation) and (self.token is None or operation in BY_TOKEN)

    def told_of(self, about: str) -> str:
        """The same for the audit, in which a program is told from its person."""
        return about if self.token is None else f"{about}, by token {self.token}"


def may(role: Role, operation: Operation) -> bool:
    """Whether this role's people may do it."""
    return role in ROLES[operation]


def who_may(operation: Operation) -> str:
    """In words, for who may not."""
    return ", ".join(role for role in Role if may(role, operation))
