"""Changes of a site file's text: what is read afterwards is what was read before with the change
made, and no comment goes but those of a part that is taken away or written anew.

The text is a row of blocks, each a table's own line with its keys: blocks come, go, move and change
their names as lines, and tomlkit changes the keys within one. A comment belongs to the block that
it touches; behind a blank line it belongs to nobody, and stays. The text may be one that cannot be
published yet; it must be TOML.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import pairwise
from typing import Any, TypeAlias, assert_never

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable, Item

from firmware.toml_lines import Path, headers_of, lines_of

Value: TypeAlias = (
    str | int | float | bool | date | time | Sequence["Value"] | Mapping[str, "Value"]
)
Table = dict[str, Any]  # as tomllib gives it

# Sections of named parts, each of which has a line of its own.
NAMED = frozenset(
    (
        *("flows", "hours", "lines", "mailboxes", "pages", "people", "phones", "prompts"),
        *("pronunciation", "queues", "requests", "speakers", "trunks", "walks"),
    )
)
# Sections that may be given several times: `[[dial_rules]]`.
REPEATED = frozenset({"dial_rules"})
NOTHING: Any = object()
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
IN_FILE = "; change it in the file itself, as `careline check` reads it"


@dataclass(frozen=True, slots=True)
class Put:
    """What stands at this place from now on, whatever stood there. An index that is the array's
    length adds to its end."""

    path: Path
    value: Value


@dataclass(frozen=True, slots=True)
class Remove:
    """Nothing stands there any more."""

    path: Path


@dataclass(frozen=True, slots=True)
class Rename:
    """The same under another key. Who points to it is not asked here."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Move:
    """A part that has a line of its own goes before another of its section; None: to the end."""

    path: Path
    before: str | int | None


Edit: TypeAlias = Put | Remove | Rename | Move


class EditError(ValueError):
    """The text cannot be changed like that; it says what to do."""


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with these changes, one after the other."""
    document = read(text)
    page = _Page(_blocks(text))
    for edit in edits:
        before = document
        document = _done(deepcopy(before), edit)
        try:
            page = page.with_(edit, before, document)
        except TOMLKitError as refused:
            raise EditError(
                f"this part is written in a way that is not known{IN_FILE}"
            ) from refused
    text = str(page)
    if _without_empty(read(text)) != _without_empty(document):
        raise EditError(f"this change would change other parts of the file too{IN_FILE}")
    return text


def read(text: str) -> Table:
    """What stands in it. EditError: it is not TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise EditError(f"the file is not TOML: {wrong}; mend its text first") from None


# ---- what is wanted, of what is read ----


def _done(document: Table, edit: Edit) -> Table:
    key = edit.path[-1]
    match edit:
        case Put(value=value):
            holder = _holder(document, edit.path, is_made=True)
            if isinstance(holder, list):
                _put_in_array(holder, key, deepcopy(value))
            else:
                holder[str(key)] = deepcopy(value)
        case Remove():
            del _holder(document, edit.path)[_known(_holder(document, edit.path), key)]
        case Rename(name=name):
            holder = _holder(document, edit.path)
            _known(holder, key)
            if isinstance(holder, list):
                raise EditError("what stands in a row has no name")
            if name != key and name in holder:
                raise EditError(f"there is a {name!r} already: take another name")
            renamed = {name if each == key else each: value for each, value in holder.items()}
            holder.clear()
            holder.update(renamed)
        case Move(before=before):
            holder = _holder(document, edit.path)
            _known(holder, key)
            if before is not None:
                _known(holder, before)
            if isinstance(holder, list):
                moved = holder.pop(_index(key))
                at = len(holder) if before is None else _index(before)
                holder.insert(at - (before is not None and at > _index(key)), moved)
        case _:
            assert_never(edit)
    return document


def _holder(document: Any, path: Path, is_made: bool = False) -> Any:
    holder = document
    for key, inner in pairwise(path):
        if is_made and isinstance(holder, dict):
            holder = holder.setdefault(key, [] if isinstance(inner, int) else {})
        else:
            holder = holder[_known(holder, key)]
        if not isinstance(holder, dict | list):
            raise EditError(f"{_words(path[:-1])} holds no parts")
    return holder


def _known(holder: Any, key: str | int) -> Any:
    if isinstance(holder, list):
        if not (isinstance(key, int) and 0 <= key < len(holder)):
            raise EditError("there are not so many there: somebody may have changed it meanwhile")
    elif key not in holder:
        raise EditError(f"there is no {key!r} there: somebody may have changed it meanwhile")
    return key


def _put_in_array(holder: MutableSequence[Any], key: str | int, value: Any) -> None:
    if isinstance(key, int) and key == len(holder):
        holder.append(value)
    else:
        holder[_known(holder, key)] = value


def _index(key: str | int) -> int:
    if not isinstance(key, int):
        raise EditError("what stands in a row has a number, and no name")
    return key


def _without_empty(part: Any) -> Any:
    """A table or a row is there or not; without any part it says nothing in either case."""
    if isinstance(part, list):
        return [_without_empty(each) for each in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _without_empty(each) for name, each in part.items()}
    return {name: each for name, each in inner.items() if each not in ({}, [])}


def _words(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


# ---- the text, block by block ----


@dataclass(frozen=True, slots=True)
class _Block:
    """A table's line with the comments that touch it from above, its keys, and the lines behind
    them that belong to nobody."""

    path: Path
    head: str
    body: str
    tail: str = ""
    keys: tuple[tuple[int, int], ...] = ()  # where the line's keys are written in `head`

    def __str__(self) -> str:
        return self.head + self.body + self.tail


def _at(document: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return document


def _blocks(text: str) -> list[_Block]:
    text = text if not text or text.endswith("\n") else text + "\n"
    headers = headers_of(text)
    starts = [_with_comments_above(text, header.start) for header in headers]
    ends = [*starts[1:], len(text)] if starts else []
    blocks = [_Block((), "", *_parted(text[: starts[0] if starts else len(text)]))]
    for header, start, end in zip(headers, starts, ends, strict=True):
        behind = text.index("\n", header.start) + 1
        keys = tuple((first - start, last - start) for first, last in header.keys)
        blocks.append(_Block(header.path, text[start:behind], *_parted(text[behind:end]), keys))
    return blocks


def _with_comments_above(text: str, start: int) -> int:
    """Where the comments begin that touch what begins here."""
    start = text.rfind("\n", 0, start) + 1
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].lstrip().startswith("#"):
            break
        start = above
    return start


def _parted(text: str) -> tuple[str, str]:
    """Keys with the comments that touch them, and what stands behind."""
    lines = text.splitlines(keepends=True)
    last = len(lines)
    while last and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    while last < len(lines) and lines[last].strip():
        last += 1
    return "".join(lines[:last]), "".join(lines[last:])


def _has_line(path: Path) -> bool:
    """Whether a new table at this place gets a line of its own."""
    match path:
        case (str() as section,):
            return section not in NAMED
        case (str() as section, int()):
            return section in REPEATED
        case (str() as section, str()):
            return section in NAMED or path == ("holidays", "days")
        case ("flows", _, "nodes", str()):
            return True
        case ("oncall", "layers", _, int()) | ("hours", _, "exceptions", int()):
            return True
        case _:
            return False


def _is_only_above(path: Path) -> bool:
    """Whether a table at this place is known by the lines of its parts alone."""
    match path:
        case (str() as section,):
            return section in NAMED
        case ("oncall", "layers") | ("flows", _, "nodes"):
            return True
        case _:
            return False


class _Page:
    """The blocks while they are changed."""

    def __init__(self, blocks: list[_Block]) -> None:
        self._blocks = blocks

    def __str__(self) -> str:
        return "".join(map(str, self._blocks))

    def with_(self, edit: Edit, before: Table, wanted: Table) -> "_Page":
        """The page with this change, which leads from what was read before to what is wanted."""
        if isinstance(edit, Put):
            self.assign(edit.path, _at(before, edit.path), edit.value)
            return self
        page = _Page(_blocks(str(self)))  # of new blocks it must know where their keys stand
        match edit:
            case Remove(path=path):
                page.remove(path)
            case Rename(path=path, name=name):
                page.rename(path, name)
            case Move(path=path, before=neighbour):
                above = path[:-1]
                if page.has(path):
                    page.move(path, None if neighbour is None else (*above, neighbour))
                else:
                    page.assign(above, _at(before, above), _at(wanted, above))
            case _:
                assert_never(edit)
        return _Page(_blocks(str(page)))  # rows behind it have other numbers now

    def has(self, path: Path) -> bool:
        """Whether a block is there for this place, or for one below it."""
        return any(_is_below(block.path, path) for block in self._blocks)

    def assign(self, path: Path, old: Any, new: Any) -> None:
        """Only what differs is written."""
        if old is not NOTHING and type(old) is type(new) and old == new:
            return
        if isinstance(new, Mapping) and isinstance(old, dict):
            for key in old.keys() - new.keys():
                self.remove((*path, key))
            for key, part in new.items():
                self.assign((*path, key), old.get(key, NOTHING), part)
        elif _is_rows(path, new) and (not old or old is NOTHING or self.has((*path, 0))):
            rows = old if isinstance(old, list) else []
            for index in reversed(range(len(new), len(rows))):
                self.remove((*path, index))
            for index, row in enumerate(new):
                self.assign((*path, index), rows[index] if index < len(rows) else NOTHING, row)
        elif isinstance(new, list | tuple) and isinstance(old, list) and len(new) == len(old):
            for index, part in enumerate(new):
                self.assign((*path, index), old[index], part)
        elif isinstance(new, Mapping) and (_has_line(path) or _is_only_above(path)):
            if old is not NOTHING:
                self.remove(path)
            if _has_line(path):
                self._add(path)
            for key, part in new.items():
                self.assign((*path, key), NOTHING, part)
        else:
            if self.has(path):
                raise EditError(f"{_words(path)} is a part with parts of its own, and stays one")
            self._write(path, new)

    def remove(self, path: Path) -> None:
        """All blocks of this place, or its key in the block that holds it."""
        if not self.has(path):
            at, inner = self._holder(path)
            self._rewrite(at, inner, lambda holder, key: holder.__delitem__(key))
            return
        at, inner = self._holder(path)
        kept: list[_Block] = []
        for block in self._blocks:
            if not _is_below(block.path, path):
                kept.append(block)
            elif block.tail.strip():
                kept[-1] = replace(kept[-1], tail=kept[-1].tail.rstrip("\n") + "\n" + block.tail)
        self._blocks = kept
        if inner and _at(tomllib.loads(self._blocks[at].body), inner) is not NOTHING:
            self._rewrite(at, inner, lambda holder, key: holder.__delitem__(key))

    def rename(self, path: Path, name: str) -> None:
        if self.has(path):
            depth = sum(isinstance(key, str) for key in path) - 1
            for at, block in enumerate(self._blocks):
                if _is_below(block.path, path):
                    first, last = block.keys[depth]
                    head = block.head[:first] + _key(name) + block.head[last:]
                    self._blocks[at] = replace(block, head=head)
            return
        at, inner = self._holder(path)
        if len(inner) == 1:
            self._rename_line(at, str(inner[0]), name)
        else:
            self._rewrite(at, inner, lambda holder, key: _rename_within(holder, key, name))

    def move(self, path: Path, before: Path | None) -> None:
        moved = [block for block in self._blocks if _is_below(block.path, path)]
        others = [block for block in self._blocks if not _is_below(block.path, path)]
        if before is None:
            siblings = [i for i, each in enumerate(others) if _is_below(each.path, path[:-1])]
            at = max(siblings, default=len(others) - 1) + 1
        else:
            at = next(i for i, each in enumerate(others) if _is_below(each.path, before))
        if moved and not moved[-1].tail:
            moved[-1] = replace(moved[-1], tail="\n")
        if at and not others[at - 1].tail:
            others[at - 1] = replace(others[at - 1], tail="\n")
        self._blocks = [*others[:at], *moved, *others[at:]]

    def _add(self, path: Path) -> None:
        """A new block behind those that are nearest to it in the file."""
        for depth in reversed(range(len(path))):
            near = [i for i, each in enumerate(self._blocks) if _is_below(each.path, path[:depth])]
            if near:
                break
        at = near[-1]
        above = self._blocks[at]
        line = ".".join(_key(key) for key in path if isinstance(key, str))
        brackets = ("[[", "]]") if isinstance(path[-1], int) else ("[", "]")
        is_first = not str(above)
        self._blocks[at] = replace(above, tail="" if is_first else "\n")
        fresh = _Block(path, line.join(brackets) + "\n", "", above.tail)
        if not fresh.tail and at + 1 < len(self._blocks):
            fresh = replace(fresh, tail="\n")
        self._blocks.insert(at + 1, fresh)

    def _write(self, path: Path, value: Any) -> None:
        at, inner = self._holder(path)
        if _at(tomllib.loads(self._blocks[at].body), inner[:1]) is NOTHING:
            for depth in reversed(range(len(path) - len(inner) + 1, len(path))):
                if depth == 1 or _has_line(path[:depth]):
                    self._add(path[:depth])
                    at, inner = self._holder(path)
                    break
        self._rewrite(at, inner, lambda holder, key: _set(holder, key, _item(value)))

    def _holder(self, path: Path) -> tuple[int, Path]:
        """The block that holds this place, and the place within it."""
        at = max(
            (i for i, each in enumerate(self._blocks) if _is_below(path[:-1], each.path)),
            key=lambda i: len(self._blocks[i].path),
        )
        return at, path[len(self._blocks[at].path) :]

    def _rewrite(self, at: int, inner: Path, change: Callable[[Any, Any], None]) -> None:
        block = self._blocks[at]
        body = tomlkit.parse(block.body)
        holder: Any = body
        for key, below in pairwise(inner):
            if isinstance(holder, MutableMapping) and key not in holder:
                holder[str(key)] = _item([] if isinstance(below, int) else {})
            holder = holder[key]
        change(holder, inner[-1])
        self._blocks[at] = replace(block, body=tomlkit.dumps(body))

    def _rename_line(self, at: int, old: str, name: str) -> None:
        block = self._blocks[at]
        lines = block.body.splitlines(keepends=True)
        line = lines_of(block.body)[(old,)] - 1
        written = re.match(r"""\s*("[^"]*"|'[^']*'|[\w-]+)""", lines[line])
        if written:
            first, last = written.span(1)
            lines[line] = lines[line][:first] + _key(name) + lines[line][last:]
        self._blocks[at] = replace(block, body="".join(lines))


def _is_below(path: Path, above: Path) -> bool:
    return path[: len(above)] == above


def _is_rows(path: Path, value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and _has_line((*path, 0))
        and all(isinstance(row, Mapping) for row in value)
    )


def _set(holder: Any, key: str | int, item: Item) -> None:
    if isinstance(holder, Array) and key == len(holder):
        holder.append(item)
    else:
        holder[key] = item


def _rename_within(table: InlineTable, key: str, name: str) -> None:
    parts = list(table.items())
    for each, _ in parts:
        del table[each]
    for each, part in parts:
        table[name if each == key else each] = part


def _item(value: Any) -> Item:
    """As it is written: a table in braces, a row of tables with a line for each."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for key, part in value.items():
            table[key] = _item(part)
        return table
    if isinstance(value, list | tuple):
        row = tomlkit.array()
        for part in value:
            row.append(_item(part))
        row.multiline(any(isinstance(part, Mapping) for part in value))
        return row
    item: Item = tomlkit.item(value)
    return item


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else tomlkit.string(key).as_string()
