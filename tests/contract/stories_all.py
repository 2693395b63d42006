"""All stories there are."""

from tests.contract import passed_on, stories, struck
from tests.contract.tale import STORIES, STRUCK

__all__ = ["STORIES", "STRUCK", "passed_on", "stories", "struck"]
