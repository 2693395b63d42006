"""The recovery paper: the clinic's 32-byte recovery seed, so written that a person can copy it.

Four lines, each of four groups of four hexadecimal digits and one check word. The word is drawn
from the line and its place, so a slip of the hand or two lines exchanged are noticed at that line.
"""

import hashlib
import re

from firmware.keys import SEED_BYTES, KeyPair

LINES = 4
LINE_BYTES = SEED_BYTES // LINES
# What a hand writes and an eye reads for a digit.
LOOKALIKES = str.maketrans("oOlLiI", "001111")

# 256 words, one per byte: common, short, and told apart on a telephone.
WORDS = tuple(
    """
acorn actor album alley amber anchor ankle apple apron arrow atlas attic autumn badge bagel
bakery ballet bamboo banjo basil basket beach beacon bell bench berry bicycle birch biscuit
blanket blossom bonnet bottle bread breeze brick bridge bronze brook broom bucket butter button
cabin cable cactus camel camera candle canoe canvas carpet carrot castle cedar cello cement
cherry chess chimney circle clock cloud clover coast cobalt coffee comet compass copper coral
cotton cousin cradle crayon creek cricket crown crystal curtain cushion daisy dancer desert
diamond dinner dolphin donkey dragon drawer drum eagle easel echo elbow ember engine fabric
falcon feather fern ferry fiddle field finger flag flame flute forest fountain galaxy garden
garlic ginger glacier glove goblet grape gravel guitar hammer harbor hazel helmet heron honey
horse hotel igloo indigo iron island ivory jacket jaguar jasmine jelly jewel jungle kettle
kitchen koala ladder lagoon lantern laurel lemon library lilac linen lobster locket lumber
magnet mango maple marble market meadow melon mirror mitten mountain museum napkin needle nickel
oasis ocean olive onion opera orange orchid otter owl paddle palace panda paper parrot pastry
peach pearl pebble pencil pepper piano picnic pigeon pillow pilot planet pocket poppy prairie
pumpkin puzzle quartz quilt rabbit radish ranch ribbon river robin rocket saddle sailor salmon
sandal satin scarf school shell silver slipper sofa spider spoon squirrel stable statue stove
sugar summit sunset table teapot temple thimble thunder tiger timber tomato tower trumpet tulip
tunnel turtle umbrella vanilla velvet village violin wagon walnut water whale wheat willow
window winter wizard yacht zebra
""".split()  # noqa: SIM905
)


class PaperError(Exception):
    """What was typed is not the recovery paper; the message names the line."""


def written(key: KeyPair) -> tuple[str, ...]:
    """The lines to put on paper."""
    return tuple(
        f"{line.hex(' ', 2)}  {_check_word(place, line)}"
        for place, line in enumerate(_lines(key.seed))
    )


def read(text: str) -> KeyPair:
    """The key on the paper, as somebody typed it: spaces, capitals and empty lines do no harm."""
    typed = [line for line in text.splitlines() if line.strip()]
    if len(typed) != LINES:
        raise PaperError(f"the recovery paper has {LINES} lines, {len(typed)} were given")
    return KeyPair(b"".join(_read_line(place, line) for place, line in enumerate(typed)))


def page(key: KeyPair, clinic: str, made: str, box_key: bytes) -> str:
    """The whole paper, ready to be printed. `box_key` is public: what the box signs with."""
    lines = "\n".join(f"    {place}   {line}" for place, line in enumerate(written(key), start=1))
    return f"""\
{"=" * 72}
  RECOVERY PAPER of {clinic}
  made {made}

  Whoever holds this paper can open every sealed message of the clinic.
  Without it, messages whose people all forgot their passwords are lost
  for ever. Print it or copy it by hand, keep it in a safe place away
  from the box, and keep no file or photograph of it. It is shown once.

{lines}

  The word at the end of each line is there to catch a slip of the hand.

  By this key, which is no secret, the box signs its audit and evidence:
    {box_key[:16].hex(" ", 2)}
    {box_key[16:].hex(" ", 2)}
{"=" * 72}
"""


def _lines(seed: bytes) -> list[bytes]:
    return [seed[start : start + LINE_BYTES] for start in range(0, SEED_BYTES, LINE_BYTES)]


def _check_word(place: int, line: bytes) -> str:
    return WORDS[hashlib.sha256(b"careline paper" + bytes([place]) + line).digest()[0]]


def _read_line(place: int, typed: str) -> bytes:
    *groups, word = typed.split()
    digits = "".join(groups).translate(LOOKALIKES)
    if not re.fullmatch(rf"[0-9a-fA-F]{{{LINE_BYTES * 2}}}", digits):
        raise PaperError(
            f"line {place + 1}: {LINE_BYTES * 2} digits (0-9, a-f) and one word are expected"
        )
    line = bytes.fromhex(digits)
    if word.lower() != _check_word(place, line):
        raise PaperError(
            f"line {place + 1}: digits and check word do not belong together; compare them with"
            " the paper, and the order of the lines"
        )
    return line
