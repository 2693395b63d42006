"""`careline call --to LINE` calls what the rehearsal's telephone company has, and says what not."""

from dataclasses import replace

import pytest

from firmware import settings, testcall
from firmware.control import ControlError
from tests.firmware.test_settings import TEMPLATE


def test_a_line_by_a_modem_is_said_to_be_none_of_this_telephone_company() -> None:
    plan = settings.read(TEMPLATE)
    main = plan.lines["main"]
    mobile = replace(main, name="mobile", trunk="", modem="mobile", numbers=("2025550177",))
    plan = replace(plan, lines={"main": main, "mobile": mobile})
    assert testcall.dialled(plan, "main") == main.numbers[0]
    with pytest.raises(ControlError, match="comes by a modem") as refused:
        testcall.dialled(plan, "mobile")
    assert refused.value.cure == "call one of main"
    with pytest.raises(ControlError, match="no line 'mian'"):
        testcall.dialled(plan, "mian")
