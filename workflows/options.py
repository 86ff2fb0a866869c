"""The only place with time-outs, retry policies and task-queue names."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy

from models.messages import REFUSED

CLEARINGHOUSE_QUEUE = "clearinghouse"


class Local(TypedDict):
    """Options of a local activity."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class Regular(TypedDict):
    """Options of an activity."""

    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


_NEVER_AGAIN = [REFUSED]

# The worker says for each of its activities that it lives (worker.py), so that one killed is noticed within seconds
# and its work is taken up by another, instead of only when the longest time the work may take has passed.
SIGN_OF_LIFE = timedelta(seconds=15)

# Milliseconds on our own Postgres. When it is away, the regular profile waits for it.
QUICK: Local = {
    "start_to_close_timeout": timedelta(seconds=5),
    "schedule_to_close_timeout": timedelta(seconds=5),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=1),
        # the limit of time alone does not hold: where it runs out between two attempts, the SDK does not notice
        maximum_attempts=6,
        non_retryable_error_types=_NEVER_AGAIN,
    ),
}
PATIENT: Regular = {
    "start_to_close_timeout": timedelta(seconds=30),
    "heartbeat_timeout": SIGN_OF_LIFE,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_interval=timedelta(seconds=10),
        non_retryable_error_types=_NEVER_AGAIN,
    ),
}
LONG: Regular = {
    "start_to_close_timeout": timedelta(minutes=30),
    "heartbeat_timeout": SIGN_OF_LIFE,
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
}
OUTSIDE: Regular = {
    "start_to_close_timeout": timedelta(seconds=60),
    "heartbeat_timeout": SIGN_OF_LIFE,
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)),
}

# Mail servers that defer (greylisting) want minutes between attempts; how many there are is a setting.
MAIL: Regular = {
    "start_to_close_timeout": timedelta(minutes=2),
    "heartbeat_timeout": SIGN_OF_LIFE,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=10), backoff_coefficient=3, maximum_interval=timedelta(hours=1)
    ),
}
