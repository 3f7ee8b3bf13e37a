"""What can be wrong with the runtime, said in one sentence with its mend; never a traceback for the user."""


class SetupError(Exception):
    """The runtime cannot be built or used; the text says what is wrong and how to mend it."""


class RuntimeMissing(SetupError):
    """A program of the runtime is not there; the text names the command that brings it."""
