"""Words are spoken in a process of their own, which ends: the voice takes 130 MB, and a service
that runs for months would keep them for a sentence.

`python -m firmware.saying` reads what is to be said from its standard input, as JSON, and writes
the whole prompt file to its standard output; what cannot be said goes to its standard error.
"""

import json
import subprocess
import sys
from dataclasses import replace

from firmware import speech
from firmware.speech import SpeechError
from ivr.plan import Plan

WITHIN_S = 60.0  # a long prompt on a busy box takes a few


def said(site: Plan, language: str, name: str, text: str) -> bytes:
    """These words as a whole prompt file; what was said once before is kept."""
    written = speech.respelled(text, site.pronounced.get(language, {}))
    (wanted, *_) = speech.prompts({language: {name: written}})
    spoken_apart = replace(wanted, synthesise=lambda: _spoken(language, name, written))
    return speech.sound_of(spoken_apart, speech.cache_folder())


def _spoken(language: str, name: str, text: str) -> bytes:
    try:
        voice = subprocess.run(
            [sys.executable, "-m", "firmware.saying"],
            input=json.dumps([language, name, text]).encode(),
            capture_output=True,
            check=False,
            timeout=WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise SpeechError(
            "the voice takes too long: try again when the box has less to do"
        ) from None
    if voice.returncode != 0:
        told = voice.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SpeechError(told[-1] if told else "the voice fell silent: try again")
    return voice.stdout


def main() -> None:
    """One prompt."""
    language, name, text = json.loads(sys.stdin.buffer.read())
    (wanted, *_) = speech.prompts({language: {name: text}})
    try:
        sys.stdout.buffer.write(wanted.synthesise())
    except SpeechError as no:
        sys.exit(str(no))


if __name__ == "__main__":
    main()
