"""The section [sms] of the site file: by which modem texts go and come, and how many a day."""

from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import Field

from firmware.forms import Strict, Word
from firmware.toml_lines import Path
from ivr import plan
from ivr.plan import BY_EMAIL, BY_TEXT, Person


class SmsForm(Strict):
    """What may stand there."""

    modem: Word
    most_a_day: Annotated[
        int, Field(strict=True, ge=1, le=2_000, description="a whole number from 1 to 2000")
    ] = 100
    most_a_number: Annotated[
        int, Field(strict=True, ge=1, le=50, description="a whole number from 1 to 50")
    ] = 5
    callbacks: Annotated[bool, Field(strict=True, description="true or false")] = False

    def sms(self) -> plan.Sms:
        return plan.Sms(self.modem, self.most_a_day, self.most_a_number, self.callbacks)


def a_word_must_arrive(
    people: Mapping[str, Person],
    mail: plan.MailServer | None,
    sms: plan.Sms | None,
    fault: Callable[[Path, str, str], None],
) -> None:
    """Who wishes to be told of messages can be."""
    for name, person in people.items():
        if BY_EMAIL in person.told_by and not (mail and person.email):
            lacks = "there is no [email] to send it by" if person.email else "has no address"
            cure = 'give the person email = "…" and the site an [email], or leave messages out'
            fault(("people", name, "messages"), lacks, cure)
        if BY_TEXT in person.told_by and not (sms and person.text):
            lacks = "there is no [sms] to send it by" if person.text else "has no mobile for texts"
            cure = 'give the person text = "2025550171" and the site an [sms], or leave it out'
            fault(("people", name, "messages"), lacks, cure)
