"""All workflows, for the worker, the replayer and the tests."""

from workflows.authorization import AuthorizationCaseWorkflow, AuthorizationWorkflow
from workflows.batch import BatchWorkflow
from workflows.encounter import EncounterWorkflow
from workflows.inbox import FileWorkflow, InboxWorkflow
from workflows.notice import NoticeWorkflow
from workflows.reconcile import ReconcileWorkflow

ALL_WORKFLOWS: list[type] = [
    EncounterWorkflow,
    AuthorizationWorkflow,
    AuthorizationCaseWorkflow,
    BatchWorkflow,
    InboxWorkflow,
    FileWorkflow,
    NoticeWorkflow,
    ReconcileWorkflow,
]
