"""The errors that aiakit raises on purpose. The command line turns each into one line and an exit code."""

from __future__ import annotations


class AiakitError(Exception):
    """Base of every error that aiakit raises on purpose; ``exit_code`` is what the command line exits with."""

    exit_code = 1


class InputError(AiakitError):
    """What the user gave cannot be used. The message says what is wrong, where, and how to put it right."""

    exit_code = 2


class PluginError(AiakitError):
    """A plugin broke its contract or raised. The message names the plugin and the package or file it came from."""


class Diverged(AiakitError):
    """Training produced non-finite losses or a collapsed representation.

    ``state`` holds the last good parameters (name → array), which the store keeps beside the failure.
    """

    def __init__(self, message: str, state: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.state = state or {}
