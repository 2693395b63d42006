"""A document as a site file: plain TOML, for tests that need thousands of them."""

import json

from tests.flows.sound import Document


def written(document: Document, path: str = "") -> str:
    """Its values first, then its tables, each under its whole name."""
    values = {key: each for key, each in document.items() if not _is_table(each)}
    lines = [f"{json.dumps(key)} = {_value(each)}" for key, each in values.items()]
    for key, each in document.items():
        name = f"{path}.{json.dumps(key)}" if path else json.dumps(key)
        if isinstance(each, dict):
            lines += [f"[{name}]", written(each, name)]
        elif _is_table(each):
            lines += [line for one in each for line in (f"[[{name}]]", written(one, name))]
    return "\n".join(lines)


def _is_table(value: object) -> bool:
    """Or a list of them."""
    is_list = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return isinstance(value, dict) or is_list


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
