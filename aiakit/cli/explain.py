"""How every failure becomes one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback

import rich_click as click

from aiakit.errors import ROOM, AiakitError, InputError
from aiakit.storage.documents import printable

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def say(error: Exception) -> int:
    """Print what an error says, in one line on stderr; the exit code."""
    message, code = _explain(error)
    if os.environ.get("AIAKIT_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    print(f"aiakit: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def _explain(error: Exception) -> tuple[str, int]:
    """What to tell the user about an error, and the exit code."""
    if isinstance(error, AiakitError):
        return str(error), error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "aiakit"
        return f"{error.format_message()} (see {path} --help)", InputError.exit_code
    if isinstance(error, click.ClickException):
        return error.format_message(), InputError.exit_code
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        where = error.filename or "the disk that was being written to"
        return f"no space left on {where}: free some, then run the same command again to resume", InputError.exit_code
    if isinstance(error, OSError) and error.errno in DENIED and error.filename:
        return f"no permission for {error.filename} ({error.strerror})", InputError.exit_code
    if isinstance(error, MemoryError):
        return f"out of memory: {ROOM}", 1
    bug = f"this is a bug of aiakit: {type(error).__name__}: {error}"
    return f"{bug} (AIAKIT_DEBUG=1 shows the traceback; please report it)", 1
