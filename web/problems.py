"""What can go wrong on a page, as exceptions that carry a sentence for the person and no fact about a patient."""


class PageProblem(Exception):  # noqa: N818 - a sentence for a person, not a programming error
    """A status and a sentence: what happened and what to do."""

    status = 500
    title = "Something went wrong"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(PageProblem):
    """Nothing of that name, or not for this practice or role: the answer is the same."""

    status = 404
    title = "Not found"

    def __init__(self, sentence: str = "There is nothing here, or it is not yours to see.") -> None:
        super().__init__(sentence)


class Forbidden(PageProblem):
    """The role does not carry the right, or the form was not ours."""

    status = 403
    title = "Not allowed"


class Conflict(PageProblem):
    """The item is not what the person was looking at, or the decision was refused."""

    status = 409
    title = "Not done"


class Invalid(PageProblem):
    """The form lacks something."""

    status = 422
    title = "Not complete"


class LoggedOut(PageProblem):
    """No session, or it ended."""

    status = 401
    title = "Logged out"

    def __init__(self, address: str) -> None:
        super().__init__("Your session ended. Log in again.")
        self.address = address
