"""All activities with what they need, made once per worker process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from temporalio.client import Client

from activities.authorization_cases import AuthorizationCaseActivities
from activities.authorizations import AuthorizationActivities
from activities.batches import BatchActivities, SendingActivities
from activities.decisions import DecisionActivities
from activities.encounters import EncounterActivities
from activities.files import FileActivities
from activities.gateways.clearinghouse import SftpAddress, SftpClearinghouse
from activities.gateways.mail import MailAddress, SmtpMail
from activities.inbox import InboxActivities
from activities.notices import NoticeActivities, NoticeSendingActivities
from activities.reconcile import ReconcileActivities


@dataclass(frozen=True, slots=True)
class Wiring:
    """What activities are made of."""

    engine: Engine
    client: Client
    clearinghouse: SftpAddress
    batch_window_seconds: float
    usage_indicator: str
    inbox_poll_seconds: float = 60.0
    mail: MailAddress | None = None


def inside(wiring: Wiring) -> Sequence[Callable[..., Any]]:
    """Activities on our own Postgres and Temporal."""
    encounters = EncounterActivities(wiring.engine, wiring.batch_window_seconds)
    batches = BatchActivities(wiring.engine, wiring.usage_indicator)
    reconcile = ReconcileActivities(
        wiring.engine, wiring.client, wiring.batch_window_seconds, wiring.inbox_poll_seconds
    )
    return [
        encounters.check_gates,
        encounters.check_claim,
        encounters.check_balance,
        DecisionActivities(wiring.engine).apply_decision,
        AuthorizationActivities(wiring.engine).review_authorization,
        AuthorizationCaseActivities(wiring.engine).review_authorization_case,
        NoticeActivities(wiring.engine).look_at_notice,
        batches.build_batch,
        batches.record_uploaded,
        batches.record_sent,
        FileActivities(wiring.engine).read_file,
        reconcile.restart_what_fell_through,
    ]


def outside(wiring: Wiring) -> Sequence[Callable[..., Any]]:
    """Activities that leave the building."""
    gateway = SftpClearinghouse(wiring.clearinghouse)
    sending = SendingActivities(wiring.engine, gateway)
    mail = SmtpMail(wiring.mail) if wiring.mail else None
    return [
        sending.upload_batch,
        sending.release_batch,
        InboxActivities(wiring.engine, gateway).fetch_files,
        NoticeSendingActivities(wiring.engine, mail).send_notice,
    ]
