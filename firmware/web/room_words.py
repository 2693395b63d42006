"""What the forms of the site file are called on the page: each section, each field, each word that
can be chosen, and what belongs into a field without the marks that the file itself needs.

A test asks all of it for every field of every section, so a key added to a form is missed at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware.providers import PROVIDERS
from firmware.web.words import to_say


@dataclass(frozen=True, slots=True)
class Called:
    """A section: its name, that of one part, what it is for, and which fields its list shows."""

    title: str
    one: str
    about: str
    part: str = ""  # what the name of a part is
    shows: tuple[str, ...] = ()


CALLED: Mapping[str, Called] = {
    "phones": Called(
        to_say("Phones"),
        to_say("phone"),
        to_say("Each telephone with its extension, and where it stands: 911 is told that."),
        to_say("Extension"),
        ("name", "location", "mailbox"),
    ),
    "queues": Called(
        to_say("Queues"),
        to_say("queue"),
        to_say("Where callers wait for somebody, who answers them, and how long that may take."),
        to_say("Short name"),
        ("agents", "urgency", "number"),
    ),
    "mailboxes": Called(
        to_say("Mailboxes"),
        to_say("mailbox"),
        to_say("Where sealed messages are left, and who may open them."),
        to_say("Short name"),
        ("members", "lamps", "number"),
    ),
    "pages": Called(
        to_say("Paging"),
        to_say("paging number"),
        to_say("Numbers that speak to several telephones at once."),
        to_say("Short name"),
        ("number", "phones"),
    ),
    "people": Called(
        to_say("People who can be called"),
        to_say("person who can be called"),
        to_say("Who is rung when nobody is in: doctors on call, the answering service."),
        to_say("Short name"),
        ("name", "numbers"),
    ),
    "lines": Called(
        to_say("Lines"),
        to_say("line"),
        to_say("Your telephone numbers, and what a caller of each comes to."),
        to_say("Short name"),
        ("numbers", "flow", "trunk"),
    ),
    "trunks": Called(
        to_say("Telephone companies"),
        to_say("connection"),
        to_say("The connections by which calls come and go."),
        to_say("Short name"),
        ("host", "port"),
    ),
    "modems": Called(
        to_say("Modems"),
        to_say("modem"),
        to_say("Mobile lines: an LTE or GSM modem that is plugged into the box."),
        to_say("Short name"),
        ("port",),
    ),
    "modem_only": Called(
        to_say("Emergency calls by a modem alone"),
        to_say("consent to emergency calls by a modem alone"),
        to_say("Where there is no other line, whoever is responsible says here that they know."),
    ),
    "dial_rules": Called(
        to_say("Dialling out"),
        to_say("rule"),
        to_say("Which numbers outside can be dialled, how, and which of yours they are shown."),
        "",
        ("prefix", "starts", "digits", "trunk", "shows"),
    ),
    "blocking": Called(
        to_say("Unwanted callers"),
        to_say("unwanted callers"),
        to_say("Who must press a key before a telephone rings for them."),
    ),
    "requests": Called(
        to_say("Requests"),
        to_say("kind of request"),
        to_say("Refills, appointments and the like: within which time, and who has them first."),
        to_say("Kind"),
        ("due_min", "hours", "owner"),
    ),
    "speakers": Called(
        to_say("Loudspeakers"),
        to_say("loudspeaker"),
        to_say("Plugged into the box: pages are heard there, and one can ring at night."),
        to_say("Short name"),
        ("device", "bell"),
    ),
    "wrap_up": Called(
        to_say("What talks were about"),
        to_say("list of what talks were about"),
        to_say("The digits that agents key after a talk, with what each means."),
    ),
    "clinic": Called(
        to_say("Clinic"),
        to_say("clinic"),
        to_say("Its name, time zone and language, the front desk, and emergency numbers."),
    ),
    "retention": Called(
        to_say("How long things are kept"),
        to_say("rule of how long things are kept"),
        to_say("After how many days messages, recordings and records are destroyed."),
    ),
    "email": Called(
        to_say("Notices by e-mail"),
        to_say("mail server"),
        to_say("The server that tells people that something waits for them, and never what."),
    ),
    "sms": Called(
        to_say("Texts"),
        to_say("way of texts"),
        to_say("The modem by which texts go and come, and how many may go on a day."),
    ),
    "outside": Called(
        to_say("Limits of calls outside"),
        to_say("limits"),
        to_say("How much telephones may call outside. Emergency calls are never counted."),
    ),
    "power": Called(
        to_say("Power"),
        to_say("UPS"),
        to_say("The UPS that keeps the box up, told by a NUT server on it."),
    ),
    "panel": Called(
        to_say("Panel on the wall"),
        to_say("panel"),
        to_say("Lamps and a button: on a board on USB, or on the machine's own pins."),
    ),
    "backup": Called(
        to_say("Nightly backup"),
        to_say("nightly backup"),
        to_say("Where each night's sealed backup goes, and when."),
    ),
    "updates": Called(
        to_say("Updates"),
        to_say("updates"),
        to_say("When the box may update itself, once it runs from its own image."),
    ),
}

# How the sections stand on the first screen.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (to_say("Inside the clinic"), ("phones", "queues", "mailboxes", "pages", "speakers", "people")),
    (
        to_say("To the outside"),
        ("lines", "trunks", "modems", "dial_rules", "outside", "blocking", "modem_only"),
    ),
    (to_say("Work"), ("requests", "wrap_up")),
    (
        to_say("The clinic"),
        ("clinic", "retention", "email", "sms", "power", "panel", "backup", "updates"),
    ),
)

_NUMBER_INSIDE = to_say("Number inside")
_CONSENT = to_say("How callers agree to a recording")
_TERMINAL = to_say("A terminal of the board, like lamp1, or the number of a pin.")
_STOPS = to_say("A telephone with more may be misused: its calls outside are stopped.")
_RECORD = to_say("Talks are recorded")
_RECORDINGS = to_say("Mailbox whose members may listen to recordings")
# Of a field its name, and where it needs one, a word of help.
FIELDS: Mapping[str, tuple[str, str]] = {
    "clinic.name": (to_say("Name of the clinic"), ""),
    "clinic.timezone": (to_say("Time zone"), ""),
    "clinic.language": (to_say("Language that callers hear"), ""),
    "clinic.parking": (
        to_say("Number that parks a caller"),
        to_say("Parked callers are taken up at the nine numbers behind it."),
    ),
    "clinic.front_desk": (
        to_say("Front desk"),
        to_say("These ring first when anything fails, and hear of each emergency call."),
    ),
    "clinic.emergency_numbers": (
        to_say("Emergency numbers"),
        to_say("Each on a line of its own. From any telephone, at any time, with no prefix."),
    ),
    "clinic.phones_tls": (
        to_say("Nobody on the network can listen to desk telephones"),
        to_say("By TLS and SRTP; without them no telephone is let in. Set each up anew."),
    ),
    "clinic.address": (
        to_say("Address for 911"),
        to_say("Each emergency call carries it, with the floor and room of its telephone."),
    ),
    "clinic.address.country": (to_say("Country"), to_say("Its two letters, like US.")),
    "clinic.address.state": (to_say("State"), to_say("Its two letters, like NY.")),
    "clinic.address.county": (to_say("County"), ""),
    "clinic.address.city": (to_say("City"), ""),
    "clinic.address.street": (to_say("Street"), to_say("Without the house number.")),
    "clinic.address.house_number": (to_say("House number"), ""),
    "clinic.address.postcode": (to_say("ZIP code"), ""),
    "phones.name": (to_say("Name"), to_say("Who or what it is, like Front desk 1.")),
    "phones.location": (
        to_say("Where it stands"),
        to_say("Street, floor and room: whoever answers 911 is told this."),
    ),
    "phones.callback": (
        to_say("Number to call back"),
        to_say("The number outside at which an emergency call from here is called back."),
    ),
    "phones.floor": (
        to_say("Floor"),
        to_say("As 911 is told it, beside the address of the clinic."),
    ),
    "phones.room": (
        to_say("Room"),
        to_say("As 911 is told it, beside the address of the clinic."),
    ),
    "phones.secure": (
        to_say("Nobody on the network can listen"),
        to_say("By TLS and SRTP; without them this telephone is refused. Set it up anew."),
    ),
    "phones.browser": (
        to_say("It is in the browser"),
        to_say("No desk telephone: whoever signs in has it on the screen Telephone."),
    ),
    "phones.fax": (
        to_say("It is a fax machine"),
        to_say("At an adapter (ATA). A line that leads here never passes through our programs."),
    ),
    "phones.skills": (
        to_say("Skills"),
        to_say("Each on a line with its level from 1, the best, to 9, like: spanish = 1"),
    ),
    "phones.mailbox": (
        to_say("Mailbox"),
        to_say("Takes a message where this telephone is busy or does not answer."),
    ),
    "lines.trunk": (to_say("Telephone company"), ""),
    "lines.modem": (to_say("Or the modem"), to_say("A line comes by one of the two.")),
    "lines.numbers": (
        to_say("Your numbers"),
        to_say("As the telephone company sends them, each on a line of its own."),
    ),
    "lines.flow": (to_say("Menu that callers hear"), ""),
    "lines.phone": (
        to_say("Or the one telephone that rings"),
        to_say("For somebody's own number: then it has no menu."),
    ),
    "lines.language": (to_say("Language, if it is another than the clinic's"), ""),
    "lines.medical": (
        to_say("For medical callers"),
        to_say("Its callers are asked about emergencies first."),
    ),
    "lines.quiet_h": (
        to_say("Alarm after so many open hours without a call"),
        to_say("By the hours that its callers are greeted by. 0: never."),
    ),
    "lines.record": (_RECORD, ""),
    "lines.consent": (_CONSENT, to_say("The law differs by state.")),
    "lines.recordings": (_RECORDINGS, ""),
    "trunks.provider": (
        to_say("Company, where it is one of these"),
        to_say("How it wants numbers and its customers is known then; what is chosen below wins."),
    ),
    "trunks.host": (
        to_say("Address"),
        to_say("Left empty where a company chosen above has one for all its customers."),
    ),
    "trunks.port": (to_say("Port"), ""),
    "trunks.username": (
        to_say("User name"),
        to_say("Its password is given on a screen of its own, and never shown."),
    ),
    "trunks.registers": (to_say("The box signs in there"), ""),
    "trunks.transport": (
        to_say("How it is signalled"),
        to_say("TLS only where the company offers it; its certificate must be for this address."),
    ),
    "trunks.srtp": (
        to_say("Nobody on the way can listen to its talks"),
        to_say("Needs TLS. With SRTP required, a call that cannot be encrypted is not made."),
    ),
    "trunks.calls_from": (
        to_say("Other addresses from which its calls come"),
        to_say(
            "Each on a line of its own, as the company's papers list them. All others are refused."
        ),
    ),
    "trunks.number_format": (
        to_say("How the company wants numbers"),
        to_say("Emergency numbers go there as they are dialled, always."),
    ),
    "trunks.country_code": (
        to_say("Country code of numbers dialled without one"),
        to_say("Like 1 for North America, or 49."),
    ),
    "trunks.shown_in": (
        to_say("Where it looks for the number that is shown"),
        to_say("Only where the trunk has a user name, and the company's papers say so."),
    ),
    "trunks.gateway": (
        to_say("Gateway to analog lines, where it is one"),
        to_say("careline lines settings NAME says how to set it up."),
    ),
    "trunks.ports": (
        to_say("The number at each of its ports"),
        to_say("From the first port on. Left empty: the numbers of its lines, in their order."),
    ),
    "trunks.silence_s": (
        to_say("Ends a call of which nothing is heard"),
        to_say("Only while nobody talks with the caller. 0: never."),
    ),
    "trunks.card": (
        to_say("Telephone card in the box, for experts"),
        to_say(
            "Instead of address and user name, where a card that DAHDI drives is in the box."
            " careline lines settings NAME prints what the machine is to be told."
        ),
    ),
    "trunks.card.kind": (to_say("What is plugged into it"), ""),
    "trunks.card.channels": (
        to_say("Its channels"),
        to_say("As dahdi_scan counts them, like 1-4; of ISDN all of the span, like 1-24."),
    ),
    "trunks.card.group": (to_say("Group by which it is dialled"), to_say("Each card its own.")),
    "trunks.card.span": (to_say("Span"), to_say("Of ISDN, as dahdi_scan counts it.")),
    "trunks.card.signalling": (
        to_say("How an analog line tells that it is in use"),
        to_say("With loop start a hang-up is told by the busy tone alone."),
    ),
    "trunks.card.switch": (
        to_say("Switch of the company, of ISDN"),
        to_say("Left empty: National ISDN-2 on T1, EuroISDN elsewhere."),
    ),
    "trunks.card.caller_id": (
        to_say("How an analog line tells who calls"),
        to_say("Left empty: as the clinic's country does."),
    ),
    "trunks.card.echo": (to_say("Echo canceller"), ""),
    "trunks.card.zone": (
        to_say("Country of its tones"),
        to_say("As DAHDI names it, like us or uk. Left empty: the clinic's."),
    ),
    "trunks.emergency": (
        to_say("Emergency calls may go by it"),
        to_say("Only a line that cannot take them, as one for faxes alone, is left out."),
    ),
    "dial_rules.prefix": (
        to_say("Prefix"),
        to_say("What is dialled before the number to reach the outside, like 9."),
    ),
    "dial_rules.starts": (to_say("Numbers that begin with"), to_say("Empty: any number.")),
    "dial_rules.digits": (to_say("Digits of the number"), ""),
    "dial_rules.trunk": (to_say("Telephone company"), ""),
    "dial_rules.otherwise": (
        to_say("Other companies, if that one cannot be reached"),
        to_say("Tried in this order, one after another, each on a line of its own."),
    ),
    "dial_rules.modem": (
        to_say("Or the modem"),
        to_say("For people at a telephone; the box itself calls nobody by it."),
    ),
    "modems.port": (
        to_say("Its port for commands"),
        to_say("As under /dev/serial/by-path: where it is plugged in, and not a number."),
    ),
    "modems.voice": (
        to_say("The port of its voice"),
        to_say("The modem's papers say which of its ports it is."),
    ),
    "modem_only.accepted": (
        to_say("Type: 911 may fail"),
        to_say("A call by a modem hangs on our programs and on a mobile network."),
    ),
    "modem_only.by": (to_say("Your name"), ""),
    "modem_only.on": (to_say("Today's date"), ""),
    "dial_rules.shows": (to_say("Your number that is shown"), ""),
    "queues.agents": (to_say("Telephones that answer"), ""),
    "queues.urgency": (to_say("How pressing its callers are"), ""),
    "queues.target_s": (to_say("Seconds within which callers shall be answered"), ""),
    "queues.offer_s": (to_say("Seconds that a telephone rings before the next"), ""),
    "queues.rest_s": (to_say("Seconds of rest after a call was not picked up"), ""),
    "queues.announce_s": (to_say("Seconds between announcements"), ""),
    "queues.wrap_up_s": (to_say("Seconds after a talk before the next call"), ""),
    "queues.misses": (
        to_say("Calls not picked up before a telephone is paused"),
        to_say("0: it is never paused."),
    ),
    "queues.says": (to_say("What callers who wait are told"), ""),
    "queues.survey": (to_say("Callers are asked how it was"), ""),
    "queues.needs": (
        to_say("Skills that are needed"),
        to_say("Each on a line with the worst level that will do, like: spanish = 3"),
    ),
    "queues.relaxes": (
        to_say("After a while less will do"),
        to_say("After so many seconds of waiting these skills are needed instead."),
    ),
    "queues.relaxes.after_s": (to_say("Seconds"), ""),
    "queues.relaxes.needs": (
        to_say("Skills needed then"),
        to_say("Each on a line with the worst level that will do, like: spanish = 3"),
    ),
    "queues.number": (
        _NUMBER_INSIDE,
        to_say("Callers can be transferred to it, back into the queue."),
    ),
    "queues.whisper": (
        to_say("Prompt that the agent hears first"),
        to_say("The name of a prompt; the caller does not hear it."),
    ),
    "queues.callbacks": (
        to_say("Call-backs"),
        to_say("Callers may hang up and are called back in their turn. Choose the hours for it."),
    ),
    "queues.callbacks.hours": (to_say("During these hours"), ""),
    "queues.callbacks.tries": (to_say("Tries"), ""),
    "queues.callbacks.again_s": (to_say("Seconds between two tries"), ""),
    "queues.callbacks.within_h": (to_say("Hours after which it is given up"), ""),
    "queues.callbacks.ring_s": (to_say("Seconds that the caller's telephone rings"), ""),
    "queues.record": (_RECORD, ""),
    "queues.consent": (_CONSENT, to_say("The law differs by state.")),
    "queues.recordings": (_RECORDINGS, ""),
    "mailboxes.members": (
        to_say("Who may open it"),
        to_say("Names by which people sign in, each on a line; the first is its owner."),
    ),
    "mailboxes.lamps": (to_say("Telephones whose lamp shows a new message"), ""),
    "mailboxes.number": (
        _NUMBER_INSIDE,
        to_say("Whoever dials it leaves a message, and nobody is rung."),
    ),
    "pages.number": (to_say("Number that is dialled"), ""),
    "pages.phones": (to_say("Telephones that are spoken to"), to_say("None ticked: all of them.")),
    "pages.speaker": (
        to_say("Loudspeaker"),
        to_say("With no telephone ticked, it alone is spoken to."),
    ),
    "speakers.device": (
        to_say("Name of the sound device, or a part of it"),
        to_say("As careline sound list has it at the box."),
    ),
    "speakers.volume_db": (
        to_say("Louder or softer, in dB"),
        to_say("0 is as loud as a telephone; it never gets loud enough to distort."),
    ),
    "speakers.bell": (
        to_say("Queues for whose callers it rings"),
        to_say("Until somebody answers. Any telephone can: it dials *80."),
    ),
    "speakers.bell_phones": (
        to_say("Telephones with which it rings"),
        to_say("While one of them rings for a caller: for whoever is called without a queue."),
    ),
    "speakers.bell_hours": (
        to_say("It rings only while these are closed"),
        to_say("None: at any hour."),
    ),
    "wrap_up.codes": (
        to_say("Digits and what they mean"),
        to_say("Each on a line, like: 1 = refill. Agents key *54 and the digit."),
    ),
    "blocking.numbers": (
        to_say("Numbers"),
        to_say("Each on a line of its own. They must press 5 to get through."),
    ),
    "blocking.anonymous": (to_say("Callers who show no number"), ""),
    "retention.messages_days": (
        to_say("Messages: days after they were heard"),
        to_say("What nobody has heard stays."),
    ),
    "retention.recordings_days": (to_say("Recorded talks: days after the talk"), ""),
    "retention.requests_days": (to_say("Requests: days after they are done"), ""),
    "retention.ledger_days": (
        to_say("Numbers and names of callers: days"),
        to_say("Figures stay for ever."),
    ),
    "retention.audit_days": (to_say("Audit: days"), to_say("Six years, and never less.")),
    "retention.delete_by_hand": (to_say("People may delete their messages"), ""),
    "retention.recordings_gb": (to_say("Gigabytes that recordings may fill"), ""),
    "retention.reserve_gb": (to_say("Gigabytes that stay free"), ""),
    "requests.due_min": (
        to_say("Minutes until it must be done"),
        to_say("Only minutes within the hours below count."),
    ),
    "requests.hours": (to_say("Hours that count"), ""),
    "requests.owner": (to_say("Who has it first"), to_say("The name by which they sign in.")),
    "people.name": (to_say("Name"), ""),
    "people.numbers": (
        to_say("Numbers"),
        to_say("Each on a line, the best first: extensions, or numbers outside without a prefix."),
    ),
    "people.email": (to_say("E-mail address"), ""),
    "people.text": (
        to_say("Mobile for texts"),
        to_say("Whoever is on call is told by a text, too, that they are being called."),
    ),
    "people.messages": (to_say("Is told of new messages"), ""),
    "sms.modem": (to_say("Modem"), ""),
    "sms.most_a_day": (to_say("Texts a day at most"), ""),
    "sms.most_a_number": (to_say("Texts a day at most to one number"), ""),
    "sms.callbacks": (
        to_say("A text to whoever asked to be called back"),
        to_say("That they will be, and nothing else; who writes STOP gets none."),
    ),
    "panel.board": (
        to_say("Board on USB"),
        to_say("As under /dev/serial/by-path: where it is plugged in, and not a number."),
    ),
    "panel.chip": (to_say("Or the chip of the machine's pins"), to_say("Like /dev/gpiochip0.")),
    "panel.alarm": (to_say("Lamp: something is wrong"), _TERMINAL),
    "panel.messages": (to_say("Lamp: new messages"), _TERMINAL),
    "panel.mailboxes": (to_say("Mailboxes that this lamp shows"), ""),
    "panel.closed": (to_say("Lamp: closed"), _TERMINAL),
    "panel.button": (
        to_say("Button: opens and closes"),
        to_say("Until the day ends, or back to the schedule."),
    ),
    "panel.hours": (to_say("Hours that are shown and switched"), ""),
    "panel.door": (
        to_say("Relay of a door"),
        to_say("A terminal of the board, like relay1. Telephones open it by *35."),
    ),
    "panel.door_s": (to_say("Seconds that it stands open"), ""),
    "panel.door_phones": (
        to_say("Telephones that open it"),
        to_say("Left empty: each of the clinic's."),
    ),
    "panel.door_code": (
        to_say("Its code, keyed behind *35"),
        to_say("4 to 8 digits; whoever may change the site can read it. Left empty: none."),
    ),
    "outside.per_phone_a_day": (to_say("Calls of one telephone on a day"), ""),
    "outside.per_number_a_day": (to_say("Calls to one number on a day"), ""),
    "outside.at_once": (to_say("Calls of one telephone at once"), ""),
    "outside.tries": (to_say("Calls within ten minutes, by day"), _STOPS),
    "outside.tries_at_night": (to_say("Calls within ten minutes, from 22:00 to 6:00"), _STOPS),
    "outside.failing": (to_say("Calls within ten minutes that reach no number"), _STOPS),
    "power.ups": (to_say("Name of the UPS"), to_say("As NUT has it, like ups.")),
    "power.port": (to_say("Port"), ""),
    "power.stop_below_min": (
        to_say("Switch off with fewer minutes left than"),
        to_say("Before the battery is empty, the box switches itself off."),
    ),
    "power.finish_s": (
        to_say("Seconds for calls to end before that"),
        to_say("With no call up it goes at once."),
    ),
    "email.host": (to_say("Address of the mail server"), ""),
    "email.port": (to_say("Port"), ""),
    "email.security": (to_say("Encryption"), ""),
    "email.username": (
        to_say("User name"),
        to_say("Its password is given on a screen of its own, and never shown."),
    ),
    "email.sender": (to_say("Sender"), ""),
    "email.admins": (
        to_say("Who is told of locked names, new people and the like"),
        to_say("E-mail addresses, each on a line of its own."),
    ),
    "backup.to": (to_say("Where to"), ""),
    "backup.at": (to_say("Time of day"), ""),
    "backup.drill_at": (to_say("Time at which it is tried"), ""),
    "backup.keep": (to_say("How many backups stay there"), ""),
    "backup.own_disk": (
        to_say("A folder of the box's own disk will do"),
        to_say("It would be lost together with the box."),
    ),
    "updates.day": (to_say("Day of the week"), ""),
    "updates.begins": (to_say("From"), ""),
    "updates.ends": (to_say("Until"), to_say("A time before that is of the next day.")),
    "updates.postponed_until": (
        to_say("Not before this day"),
        to_say("Left empty, nothing is put off."),
    ),
}

CHOICES: Mapping[str, str] = {
    "mon": to_say("Monday"),
    "tue": to_say("Tuesday"),
    "wed": to_say("Wednesday"),
    "thu": to_say("Thursday"),
    "fri": to_say("Friday"),
    "sat": to_say("Saturday"),
    "sun": to_say("Sunday"),
    "always": to_say("always"),
    "on-request": to_say("when the agent keys *4"),
    "never": to_say("never"),
    "announce": to_say("they are told, and 2 refuses"),
    "key": to_say("they press 1"),
    "none": to_say("none"),
    "emergency": to_say("emergency"),
    "urgent": to_say("urgent"),
    "soon": to_say("soon"),
    "routine": to_say("routine"),
    "place": to_say("their place in line"),
    "wait": to_say("how long it may take"),
    "admit": to_say("are let through"),
    "ask": to_say("must press a key"),
    "email": to_say("by e-mail"),
    "text": to_say("by text"),
    "tls": to_say("TLS (port 465)"),
    "starttls": to_say("STARTTLS (port 587)"),
    "refill": to_say("refill"),
    "appointment": to_say("appointment"),
    "referral": to_say("referral"),
    "billing": to_say("billing"),
    "call-back": to_say("call-back"),
    "other": to_say("other"),
    "en": to_say("English"),
    "es": to_say("Spanish"),
    "udp": to_say("UDP"),
    "tcp": to_say("TCP"),
    "trunks.tls": to_say("TLS"),
    "trunks.none": to_say("not at all"),
    "optional": to_say("where the company offers SRTP"),
    "required": to_say("SRTP required"),
    "flowroute": "Flowroute",
    "sipgate": "sipgate trunking",
    "telnyx": "Telnyx",
    "twilio": "Twilio Elastic SIP Trunking",
    "vonage": "Vonage SIP Trunking",
    "ht813": "Grandstream HT813",
    "gxw4104": "Grandstream GXW4104",
    "gxw4108": "Grandstream GXW4108",
    "generic": to_say("another gateway"),
    "as-dialled": to_say("as they are dialled"),
    "e164": to_say("with the country code: 12025550100"),
    "+e164": to_say("with a plus and the country code: +12025550100"),
    "account": to_say("not in From, which holds the user name"),
    "caller": to_say("in From"),
    "name": to_say("in the name of From"),
    "fxo": to_say("analog lines (FXO)"),
    "t1": to_say("ISDN on a T1, as in North America"),
    "e1": to_say("ISDN on an E1, as elsewhere"),
    "bri": to_say("ISDN basic rate, with other devices"),
    "bri-ptp": to_say("ISDN basic rate, point to point"),
    "kewl-start": to_say("kewl start"),
    "loop-start": to_say("loop start"),
    "national": "National ISDN-2",
    "ni1": "National ISDN-1",
    "dms100": "Nortel DMS-100",
    "4ess": "AT&T 4ESS",
    "5ess": "Lucent 5ESS",
    "euroisdn": "EuroISDN",
    "qsig": "QSIG",
    "bell": "Bell 202",
    "v23": "V.23",
    "v23-polarity": to_say("V.23 after a change of polarity"),
    "dtmf": "DTMF",
    "mg2": "MG2",
    "kb1": "KB1",
    "oslec": "OSLEC",
    "off": to_say("none"),
}

_LETTERS = to_say("Use up to 80 letters, digits, spaces and . ' / + - and begin with a letter.")
_WORD = to_say("Use up to 40 small letters, digits and dashes, a letter first, like front-desk.")
_EXTENSION = to_say("Use an extension of 2 to 6 digits, like 101.")
_NUMBER = to_say("Use the digits of a telephone number, like 2025550100.")
_SKILLS = to_say("Write each on a line with a level from 1 to 9, like: spanish = 1")
_OFFERED = to_say("Choose one of those offered.")
_MAIL = to_say("Write an e-mail address, like office@example.com.")
_TIME = to_say("Write a time of day, like 08:00.")
# What a form's own words say with the marks of the file, without them.
PLAIN: Mapping[str, str] = {
    "up to 80 letters, digits, spaces and . ' / + - (a letter or digit first)": _LETTERS,
    "a name of up to 40 small letters, digits and dashes, a letter first": _WORD,
    'an extension of 2 to 6 digits in quotes, like "101"': _EXTENSION,
    'a number of digits in quotes, like "2025550100"': _NUMBER,
    'a country by its ISO 3166 code, like "US"': to_say("Write its two letters, like US."),
    "a table [clinic.address] of country, state, city, street, house_number and postcode, and of"
    " county where there is one": to_say("Fill all of the address in but the county, or nothing."),
    'up to 8 digits in quotes, or "" for none': to_say("Use up to 8 digits, or leave it empty."),
    'a time zone by its place, like "America/New_York"': to_say(
        "Write a time zone by its place, like America/New_York."
    ),
    "up to 16 skills with levels: { spanish = 1 }": _SKILLS,
    "a level from 1, the best, to 9": _SKILLS,
    "up to 3 rules, levels from 1, the best, to 9:"
    " [{ after_s = 60, needs = { spanish = 3 } }]": _SKILLS,
    '"always", "on-request" or "never"': _OFFERED,
    '"announce", "key" or "none"': _OFFERED,
    '"udp", "tcp" or "tls"': _OFFERED,
    'an address or a net in quotes, like "192.0.2.10" or "192.0.2.0/28"': to_say(
        "Write an address or a net, like 192.0.2.10 or 192.0.2.0/28."
    ),
    f"one of {', '.join(PROVIDERS)}": _OFFERED,
    '"as-dialled", "e164" or "+e164"': _OFFERED,
    '"account", "caller" or "name"': _OFFERED,
    '"ht813", "gxw4104", "gxw4108" or "generic"': _OFFERED,
    '"fxo", "t1", "e1", "bri" or "bri-ptp"': _OFFERED,
    '"kewl-start" or "loop-start"': _OFFERED,
    '"national", "ni1", "dms100", "4ess", "5ess", "euroisdn" or "qsig"': _OFFERED,
    '"bell", "v23", "v23-polarity" or "dtmf"': _OFFERED,
    '"mg2", "kb1", "oslec" or "off"': _OFFERED,
    'a table like { kind = "fxo", channels = "1-4" }': to_say(
        "Fill in its channels, or nothing of it."
    ),
    'channels as `dahdi_scan` counts them, in quotes, like "1-4"': to_say(
        "Write channels as dahdi_scan counts them, like 1-4."
    ),
    'a country as DAHDI names it, like "us", "uk" or "de"': to_say(
        "Write a country as DAHDI names it, like us, uk or de."
    ),
    'a country\'s code in quotes, like "1"': to_say("Write a country's code, like 1 or 49."),
    '"none", "optional" or "required"': _OFFERED,
    '"emergency", "urgent", "soon" or "routine"': _OFFERED,
    'of "place" and "wait", or an empty list': _OFFERED,
    '"admit" or "ask", for who shows no number': _OFFERED,
    '"tls" (port 465), "starttls" (587) or "none", on this machine alone': _OFFERED,
    "true or false": _OFFERED,
    'digits with words: { 1 = "refill", 2 = "booked" }': to_say(
        "Write each on a line: a digit, = and what it means."
    ),
    "a digit": to_say("Write each on a line: a digit, = and what it means."),
    'a table like { hours = "office" }, of hours, tries (2 to 10), again_s (60 to 7200),'
    " within_h (1 to 336), ring_s (10 to 120)": to_say("Choose hours, or leave it empty."),
    '1 to 5 numbers in quotes, as ["2025550171"], the best first: extensions, or numbers as a dial'
    " rule has them, without its prefix": to_say("Write 1 to 5 numbers, each on a line."),
    'an e-mail address in quotes, like "alvarez@example.com"': _MAIL,
    'who is told of locked names, new people and the like, as ["office@example.com"]': _MAIL,
    '["email"], ["text"] or both, for a word when there is something in a mailbox of theirs, or'
    " []": _OFFERED,
    'a name or address in quotes, like "mail.example.com"': to_say(
        "Write a name or address, like mail.example.com."
    ),
    'a time of day in quotes, like "08:00"': _TIME,
    '"usb" for the only stick, "usb:LABEL", a directory like "/mnt/backup", or'
    ' "sftp://careline@nas.example.com/backups", which holds no password': to_say(
        "Write usb for the only stick, usb:LABEL, a folder like /mnt/backup, or"
        " sftp://careline@nas.example.com/backups, without a password."
    ),
    "mon, tue, wed, thu, fri, sat or sun": _OFFERED,
    'a date in quotes, as "2027-01-31"': to_say("Write a date, like 2027-01-31."),
    "one of: refill, appointment, referral, billing, call-back, other": _OFFERED,
}
