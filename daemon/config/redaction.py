"""Taking secrets out of words before anybody sees them: known ones, and whatever looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

SECRET_NAME = re.compile(r"TOKEN|KEY|PASSWORD|SECRET|CREDENTIAL", re.IGNORECASE)
HIDDEN = "[hidden]"
_SHORTEST = 6  # a shorter "secret" would hide half of the report
_NAMED = re.compile(
    r"([\w-]*(?:token|passw(?:or)?d|secret|api[_-]?key|access[_-]?key|credential|signature|\bsig\b)"
    r"[\w-]*)([\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]+)",
    re.IGNORECASE,
)
_SHAPES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END[^\n]*|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), HIDDEN),  # JSON web tokens
    (re.compile(r"\b[0-9a-fA-F]{40}\b"), HIDDEN),  # legacy tokens
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),  # access keys of AWS
    (re.compile(r"\b(Token|Bearer|Basic)\s+(?=[^\s]*\d)[\w.=+/~-]{8,}", re.I), rf"\1 {HIDDEN}"),
    (re.compile(r"://[^/\s@\"']+@"), f"://{HIDDEN}@"),  # user and password of an address
)


class Redactor:
    """Hides these secrets, their forms in addresses, and what has the shape or name of one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {one.strip() for one in secrets if len(one.strip()) >= _SHORTEST}
        forms = {form for one in known for form in (one, quote(one, safe=""), quote_plus(one))}
        longest_first = sorted(forms, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        self._known = re.compile(pattern) if pattern else None

    def words(self, text: str) -> str:
        """The text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return _NAMED.sub(_hide_value, text)

    def all(self, value: Any) -> Any:
        """The same for every text inside: names and values of mappings, parts of lists."""
        if isinstance(value, Mapping):
            return {self.words(str(name)): self.all(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.all(part) for part in value]
        return self.words(value) if isinstance(value, str) else value


def _hide_value(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    if name.lower().endswith(("_env", "_file")) or value == HIDDEN:
        return found.group(0)  # the name of a variable or a file
    is_prose = name.lower() == "token" and between.strip() == ":" and len(value) < 16
    if is_prose and value.isalpha():
        return found.group(0)  # as in "check the token: copy it again"
    return f"{name}{between}{HIDDEN}"
