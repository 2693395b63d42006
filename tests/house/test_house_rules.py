"""The rules of the house that no linter knows: what lies where, what is named how, what is told."""

import ast
import json
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from firmware.operations import REQUESTS
from firmware.store import REACH

ROOT = Path(__file__).parents[2]

# The top level is fixed; dot-files may lie beside it.
TOP_LEVEL = {
    "firmware", "ivr", "routing_core", "hw", "systemd", "image", "tests",
    "pyproject.toml", "setup.py", "Makefile",
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
}  # fmt: skip

PACKAGES = ("firmware", "ivr", "routing_core", "hw")

# Names that say nothing of what a thing is for.
EMPTY_WORDS = re.compile(r"(Manager|Handler|Helper|Utils?|Base|Impl|Data|Info|Service)(?![a-z])")

# An index, mirror or proxy belongs to a machine, not to the project; so does a path on it.
ADDRESS = re.compile(
    r"(?i)https?://[^\s\"'`)>]*(pypi|pythonhosted|/simple\b|debian\.org|ubuntu\.com|npmjs|mirror|proxy)"
    r"|--(extra-)?index-url|--find-links|--trusted-host"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(work|home/\w+|root|tmp/wt|var/tmp|opt|Users)(?=/)")


def tracked(*patterns: str) -> list[Path]:
    """The files git knows, or is about to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def words(path: Path) -> str:
    """A file's text, or nothing where it is not text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def modules(*folders: str) -> list[Path]:
    """The Python files under these folders; git's `*` also goes down."""
    return tracked(*(f"{folder}/*.py" for folder in folders))


def shown(path: Path) -> str:
    """A path as a person of this project would say it."""
    return str(path.relative_to(ROOT))


def test_nothing_lies_at_the_top_level_but_what_the_design_names() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in tops if not name.startswith(".")} <= TOP_LEVEL


def test_a_clone_holds_no_address_of_a_package_index_and_no_path_of_a_machine() -> None:
    told = [
        f"{shown(path)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(words(path).splitlines(), 1)
        if ADDRESS.search(line) or MACHINE_PATH.search(line)
    ]
    assert told == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install --index-url https://example.test/simple careline",
        "see https://mirror.example.test/debian",
        "root = Path('/opt/somewhere/.venv')",
        "log in /home/someone/file",
    ],
)
def test_an_address_or_a_path_of_a_machine_would_be_found(line: str) -> None:
    assert ADDRESS.search(line) or MACHINE_PATH.search(line)


def test_every_package_is_locked_by_hash_and_by_no_address() -> None:
    lock = (ROOT / ".requirements.lock").read_text("utf-8")
    packages = re.split(r"(?m)^(?=[a-z0-9])", lock)[1:]
    assert packages
    assert [entry.split()[0] for entry in packages if "--hash=sha256:" not in entry] == []
    assert "://" not in lock


def test_the_page_s_files_of_others_are_locked_by_hash_and_by_no_address() -> None:
    text = (ROOT / "firmware/web/package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert [name for name, one in packages.items() if name and "integrity" not in one] == []
    asked = json.loads((ROOT / "firmware/web/package.json").read_text("utf-8"))
    assert set(asked["reasons"]) == set(asked["dependencies"] | asked["devDependencies"])


def test_everything_asked_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[<>=!~;\[ ]", entry)[0].lower() for entry in asked}
    lock = (ROOT / ".requirements.lock").read_text("utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==", lock))
    assert names <= locked


def test_every_module_opens_with_its_law() -> None:
    lawless = [
        shown(path)
        for path in modules(*PACKAGES, "tests")
        if words(path).strip() and not ast.get_docstring(ast.parse(words(path)))
    ]
    assert lawless == []


def test_every_c_file_opens_with_its_law() -> None:
    sources = tracked("routing_core/csrc/*.c", "routing_core/csrc/*.h")
    assert [shown(path) for path in sources if not words(path).startswith("/*")] == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    empty = [
        f"{shown(path)}: class {node.name}"
        for path in modules(*PACKAGES, "tests")
        for node in ast.walk(ast.parse(words(path)))
        if isinstance(node, ast.ClassDef) and EMPTY_WORDS.search(node.name)
    ]
    assert empty == []


def test_no_test_sleeps() -> None:
    """A test waits for the event itself, with a deadline."""
    sleepers = [
        f"{shown(path)}:{node.lineno}"
        for path in modules("tests")
        for node in ast.walk(ast.parse(words(path)))
        if isinstance(node, ast.Call) and _is_sleep(node)
    ]
    assert sleepers == []


def _is_sleep(call: ast.Call) -> bool:
    """By whatever name it was imported; `asyncio.sleep(0)` only lets others run."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    lets_others_run = bool(call.args) and ast.unparse(call.args[0]) == "0"
    return name == "sleep" and not lets_others_run


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{shown(path)}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(words(path)))
        if isinstance(node, ast.ExceptHandler)
        and ast.unparse(node.type or ast.Name("Exception")) in ("Exception", "BaseException")
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert swallowed == []


@pytest.mark.parametrize("schema", ["calls", "page"])
def test_each_migration_follows_the_one_before_it(schema: str) -> None:
    """Two that follow the same one, each good by itself, and no new database can be opened."""
    versions = modules(f"firmware/migrations/{schema}/versions")
    names = sorted(path.stem.partition("_")[0] for path in versions)
    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]
    for path, before in zip(sorted(versions), ["None", *map(repr, names)], strict=False):
        said = words(path).replace('"', "'")
        assert f"\nrevision = '{path.stem[:4]}'\ndown_revision = {before}\n" in said, path.name


# Asked of a rehearsal's telephone company, and who it is that asks.
NOT_OF_THE_EXCHANGE = {"call", "enter"}


def test_whatever_can_be_asked_of_the_exchange_stands_in_the_table_of_who_may() -> None:
    """Else nobody may: the doorkeeper turns away what is not listed."""
    forms = [
        re.findall(r'(?m)^    ask: Literal\["([^"]+)"\]', words(path))
        for path in modules("firmware")
    ]
    assert set(chain(*forms)) - NOT_OF_THE_EXCHANGE == set(REQUESTS)


ADDS = {"create_table", "create_index", "add_column", "execute"}


@pytest.mark.parametrize("schema", ["calls", "page"])
def test_a_migration_only_adds_unless_it_says_that_no_older_version_can_go_on(schema: str) -> None:
    """A box goes back from a failed update to the version before, with the same databases."""
    for path in modules(f"firmware/migrations/{schema}/versions"):
        if path.name[:4] <= REACH[schema]:
            continue
        tree = ast.parse(words(path))
        done = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("op.")
            and isinstance(node.func, ast.Attribute)
        }  # fmt: skip
        assert done <= ADDS, f"{path.name}: raise REACH of firmware/store.py, or only add"
        demanded = [
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "op.add_column"
            and "nullable=False" in ast.unparse(node) and "server_default" not in ast.unparse(node)
        ]  # fmt: skip
        assert demanded == [], "an older version does not fill it in"


def test_the_read_me_shows_each_picture_of_the_page_that_there_is() -> None:
    shown = set(re.findall(r"\((tests/page/pictures/[^)]+)\)", (ROOT / "README.md").read_text()))
    drawn = {str(each.relative_to(ROOT)) for each in (ROOT / "tests/page/pictures").iterdir()}
    assert shown == drawn
