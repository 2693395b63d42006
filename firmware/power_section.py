"""The section [power] of the site file: the UPS that a NUT server on this machine watches."""

from typing import Annotated

from pydantic import Field

from firmware.forms import Strict
from ivr import plan


class PowerForm(Strict):
    """What may stand there."""

    ups: Annotated[
        str,
        Field(pattern="^[A-Za-z0-9_-]{1,40}$", description="the name that NUT has for it: ups"),
    ]
    port: Annotated[
        int, Field(strict=True, ge=1, le=65535, description="a whole number from 1 to 65535")
    ] = 3493
    stop_below_min: Annotated[
        float, Field(ge=1, le=60, description="a number of minutes from 1 to 60")
    ] = 5
    finish_s: Annotated[
        float, Field(ge=0, le=600, description="a number of seconds from 0 to 600")
    ] = 120

    def power(self) -> plan.PowerSupply:
        return plan.PowerSupply(self.ups, self.port, self.stop_below_min * 60, self.finish_s)
