"""The key of a language-model server: read from the environment, sent in one header, shown nowhere."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from menura.errors import ConfigError

__all__ = ["Key", "is_loopback", "key_for"]

HIDDEN = "[key]"
_LEAST_SECRET = 12


class Key:
    """A secret that can be sent and hidden, and nothing else. A copy in another process reads the variable there."""

    __slots__ = ("_secret", "variable")

    def __init__(self, variable: str) -> None:
        """Read the key.

        Raises:
            ConfigError: It holds characters that no key has. The message does not show it.
        """
        self.variable = variable
        self._secret = os.environ.get(variable, "").strip()
        if not self._secret.isascii() or any(not sign.isprintable() or sign == " " for sign in self._secret):
            raise ConfigError(f"{variable} holds blanks, line ends or other characters that no key has; set it anew")

    def __repr__(self) -> str:
        return f"Key({self.variable}, {'set' if self else 'not set'})"

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __reduce__(self) -> tuple[type[Key], tuple[str]]:
        return (Key, (self.variable,))

    def header(self) -> dict[str, str]:
        """The header that carries it; empty without a key."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def hidden_in(self, text: str) -> str:
        """``text`` with ``[key]`` wherever the key stood: servers like to repeat what they were sent.

        Not with the placeholders that local servers are given (``EMPTY``, ``none``): these are words of answers, too.
        """
        return text.replace(self._secret, HIDDEN) if len(self._secret) >= _LEAST_SECRET else text


def key_for(url: str, variable: str | None) -> Key | None:
    """The key to be sent to ``url``; None if there is none.

    Raises:
        ConfigError: The key would cross a network unencrypted, or is not a key.
    """
    key = Key(variable) if variable else None
    if not key:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{url} is not encrypted, and the key in {variable} would cross the network for all to read; "
            "use an https address, or unset key_variable if the server wants no key"
        )
    return key


def is_loopback(host: str) -> bool:
    """Whether the host is this machine.

    Example:
        >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("10.0.0.7")
        (True, True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
