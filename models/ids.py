"""Ids and the workflow ids made of them. Only opaque ids ever reach Temporal."""

from uuid import UUID, uuid4

ENCOUNTER_PREFIX = "encounter/"
AUTHORIZATION_PREFIX = "authorization/"
AUTHORIZATION_CASE_PREFIX = "authorization-case/"


def new_id() -> UUID:
    """A fresh opaque id."""
    return uuid4()


def encounter_workflow_id(encounter_id: UUID, life: int = 1) -> str:
    """One workflow per encounter, for its whole life; a visit opened again after closing begins another life."""
    return f"{ENCOUNTER_PREFIX}{encounter_id}" + (f"/{life}" if life > 1 else "")


def authorization_workflow_id(authorization_id: UUID) -> str:
    """One workflow per authorization."""
    return f"{AUTHORIZATION_PREFIX}{authorization_id}"


def authorization_case_workflow_id(authorization_case_id: UUID) -> str:
    """One workflow per case of asking a payer."""
    return f"{AUTHORIZATION_CASE_PREFIX}{authorization_case_id}"


def batch_workflow_id(practice_id: UUID, connection: str) -> str:
    """One collector of ready claims per practice and connection."""
    return f"batch/{practice_id}/{connection}"


def inbox_workflow_id(practice_id: UUID, connection: str) -> str:
    """One fetcher of files per practice and connection."""
    return f"inbox/{practice_id}/{connection}"


def file_workflow_id(inbound_file_id: UUID) -> str:
    """One workflow per file received."""
    return f"file/{inbound_file_id}"


def reconcile_workflow_id() -> str:
    """The one watchman."""
    return "reconcile"


def notice_workflow_id(notice_id: UUID) -> str:
    """One workflow per letter to a patient."""
    return f"notice/{notice_id}"
