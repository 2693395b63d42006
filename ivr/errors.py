"""What the call logic refuses, and what to do about it. Calls themselves never raise: they go on to
a person."""


class CallLogicError(Exception):
    """Somebody asked the call logic for what it cannot do."""


class ScriptError(CallLogicError):
    """A simulation's keys cannot be read."""


class UnknownLineError(CallLogicError):
    """A simulation names a line that the clinic does not have."""


class SwitchError(CallLogicError):
    """A schedule cannot be switched so."""
