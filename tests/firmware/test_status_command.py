"""`careline status` says what it was told, and nothing of it is taken for a colour."""

import pytest

from firmware import topics
from firmware.cli.calls import show_status


def test_a_cure_that_names_a_section_of_the_site_file_is_shown_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    part = topics.Part(
        name="backups",
        state="warning",
        detail="[backup] names no place",
        cure="add `to` to [backup], and see [retention]",
    )
    reply = topics.StatusReply(
        version="1",
        pid=1,
        up_s=1.0,
        offered=0,
        outcomes={},
        in_progress=0,
        balanced=True,
        parts=(part,),
    )
    show_status(reply)
    told = " ".join(capsys.readouterr().out.split())
    assert "backups: [backup] names no place add `to` to [backup], and see [retention]" in told
