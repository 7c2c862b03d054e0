"""Passwords and tokens do not belong into logs and run files, whoever wrote them into an address or an option."""

from __future__ import annotations

import re

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"""(?<=://)[^/@\s:"']*:(?:[^/\s"']+|(?!\d+/)[^\s"']+)(?=@)""")      # a password may hold @, or a slash
_NAMED = re.compile(r"""(?P<name>\b[\w-]*(?:passw(?:or)?d|passphrase|token|secret|api[_-]?key)["']?\s*[:=]\s*
                            |(?<!\w)--[\w-]*(?:password|token|secret|api-key)\s+
                            |\bBearer\s+)
                        (?P<value>"[^"\n]*"|'[^'\n]*'|[^\s,;&}"']+)""", re.IGNORECASE | re.VERBOSE)


def without_secrets(text: str) -> str:
    """Give the text with user:password of addresses, and values named password, token, secret or api key, replaced by ***."""
    return _NAMED.sub(_hidden, _IN_ADDRESS.sub(HIDDEN, text))


def _hidden(found: re.Match[str]) -> str:
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{quote}{HIDDEN}{quote}"
