"""The one place where C has no types: the wrappers beside this file give every name it has."""

from typing import Any

ffi: Any
lib: Any
