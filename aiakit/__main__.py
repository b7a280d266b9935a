"""``python -m aiakit`` is the command ``aiakit``."""

from __future__ import annotations

import sys

from aiakit.cli import main

if __name__ == "__main__":
    sys.exit(main())
