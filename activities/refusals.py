"""How the desk says no to a person."""


class Refused(Exception):  # noqa: N818 - an answer for a person, not a fault
    """Why nothing was done, and what to do. The sentence is shown as it is; nothing of the transaction is kept."""
