"""The base of all errors that a user can do something about."""


class PianokpmError(Exception):
    """What was asked can't be done; the message says what was asked, what was found and what to do.

    Commands and nodes print it without a traceback; anything else is a defect and shows one.
    """
