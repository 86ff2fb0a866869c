"""Sentences of the engine write dates as 2026-03-02; on the screens they read 03/02/2026, like every table there.

The API and the command line keep what the engine wrote. Here is the one place where it changes: an extension of Jinja
puts a filter behind whatever a template prints as text, or as a title or label, so no template can forget it. Values of
fields, links and other attributes stay as they are; a template that shows code prints it ``|as_written``.
"""

import re
from collections.abc import Iterator
from typing import Any

from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup, escape

_DAY = re.compile(r"(?<![\w./:-])(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\w/-]|[.:]\w)")
"""A whole day; not part of an instant, a file's name or a number with more to it."""
_READ_OUT = re.compile(r'\s(?:title|aria-label)="[^"]*$')
_VERBATIM = re.compile(r"</?(?:textarea|code)\b")


def us_dates(value: Any) -> Any:
    """A sentence with its days as MM/DD/YYYY; what is no plain text, such as ready HTML, as it is."""
    if type(value) is not str or value.count("-") < 2:
        return value
    return _DAY.sub(r"\2/\3/\1", value)


def as_written(value: str) -> Markup:
    """Text whose days stay as they are: code, and messages about what was typed."""
    return escape(value)


class UsDates(Extension):
    """Puts ``us_dates`` behind every expression that a person reads."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters |= {"us_dates": us_dates, "as_written": as_written}

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The template with the filter in it."""
        place, wrapped = _Place(), False
        for token in stream:
            if token.type == "data":
                place.read(token.value)
            elif token.type == "variable_begin" and place.is_read:
                wrapped = True
                yield token
                token = Token(token.lineno, "lparen", "(")  # noqa: PLW2901 - the last of two
            elif token.type == "variable_end" and wrapped:
                wrapped = False
                yield Token(token.lineno, "rparen", ")")
                yield Token(token.lineno, "pipe", "|")
                yield Token(token.lineno, "name", "us_dates")
            yield token


class _Place:
    """Where in the HTML a template stands: in a text, or in which attribute of which tag."""

    def __init__(self) -> None:
        self.tag = ""  # as far as it was read; empty outside of tags
        self.quoted = False
        self.verbatim = False

    def read(self, data: str) -> None:
        """What the template says by itself, up to its next expression."""
        for char in data:
            if not self.tag:
                self.tag = char if char == "<" else ""
                continue
            self.tag += char
            if char == '"':
                self.quoted = not self.quoted
            elif char == ">" and not self.quoted:
                if _VERBATIM.match(self.tag):
                    self.verbatim = not self.tag.startswith("</")
                self.tag = ""

    @property
    def is_read(self) -> bool:
        """Whether a person reads what is printed here."""
        return bool(_READ_OUT.search(self.tag)) if self.tag else not self.verbatim
