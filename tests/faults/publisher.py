"""A publisher in a process of its own, as the command line's: it tells each step of a publish and
waits there until it may go on, so that it can be killed at any.

`python -m tests.faults.publisher HOME SITE_FILE PORTS`: of what runs, Asterisk keeps its ports.
"""

import asyncio
import json
import sys
from pathlib import Path

from firmware import settings
from firmware.asterisk import publish
from firmware.asterisk.config import Ports
from firmware.asterisk.publish import Step
from firmware.asterisk.sandbox import Asterisk, Sandboxed, find_root
from firmware.place import Place
from firmware.root import Part, ReloadAsterisk, carry_out


async def main(home: Path, text: str, ports: Ports) -> None:
    """From its first step to its last, if it is let."""
    place = Place(home)
    launch = Sandboxed(find_root(), place.asterisk, place.prompts)
    running = Asterisk(launch)

    async def reload(part: Part) -> object:
        return await carry_out(ReloadAsterisk(part=part), running.rx)

    def told(step: Step) -> None:
        print(step.name, flush=True)  # noqa: T201 - whoever started it listens
        sys.stdin.readline()

    site = publish.Site(text, settings.read(text), ports)
    await publish.publish(place, site, launch, reload, told)


if __name__ == "__main__":
    text = Path(sys.argv[2]).read_text("utf-8")
    asyncio.run(main(Path(sys.argv[1]), text, Ports(**json.loads(sys.argv[3]))))
