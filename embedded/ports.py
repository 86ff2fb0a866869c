"""Ports: which are free, and whose they are when they are not."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import urllib.error
import urllib.request

import psutil

from settings import (
    Problem,
    variable,
)

LOCALHOST = "127.0.0.1"


def free_port(host: str = LOCALHOST) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def claim_port(port: int, *, host: str, what: str, setting: str) -> int:
    """The port itself if it is free (0: any free one); otherwise one sentence that says how to go on."""
    with socket.socket() as probe:
        # as servers do; without it a port closed a second ago would count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Problem(_port_refused(error, port, host, what, setting)) from None
        return int(probe.getsockname()[1])


def _port_refused(error: OSError, port: int, host: str, what: str, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is already in use{_user_of(port)}, so {what} cannot start. "
            f"Stop what uses it, or choose another port: {variable(setting)}={_suggestion(port)} firstpass up"
        )
    return (
        f"{what} cannot listen on {host}:{port} ({os.strerror(error.errno or 0).lower()}). "
        f"Choose another port or address: {variable(setting)}={_suggestion(port)} firstpass up"
    )


def _suggestion(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 8000


def _user_of(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""


def answers_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address on this machine
            return True
    except (urllib.error.URLError, OSError):
        return False


def answers_tcp(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
