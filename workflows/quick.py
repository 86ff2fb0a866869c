"""Asking our own Postgres: a local activity, and when that fails for seconds a regular one that waits it out.

A local activity costs half as much (measured), but while it runs the workflow hears nothing, so a database that is away
must not be waited for there.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from models.messages import REFUSED
from workflows.options import PATIENT, QUICK

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


async def ask(activity: Callable[[Any, Asked], Answered], message: Asked) -> Answered:
    """Run an activity method on our own tables and return its answer.

    Raises ApplicationError of type Refused when a decision is refused; everything else is retried until it works.
    """
    try:
        return await workflow.execute_local_activity_method(activity, message, **QUICK)
    except FailureError as failure:  # a local activity's own error comes bare, its time-out wrapped
        if is_cancelled_exception(failure):
            raise
        _raise_refusal(failure)
    try:
        return await workflow.execute_activity_method(activity, message, **PATIENT)
    except ActivityError as failure:
        _raise_refusal(failure)
        raise


def _raise_refusal(failure: FailureError) -> None:
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        raise ApplicationError(cause.message, type=REFUSED, non_retryable=True) from None
