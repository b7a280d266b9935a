"""``aiakit compare``: releases of two runs side by side."""

from __future__ import annotations

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("first", metavar="RUN[:RELEASE]")
@click.argument("second", metavar="RUN[:RELEASE]")
@plugin_option
@json_option
def command(first: str, second: str, as_json: bool) -> None:
    """Compare releases of two runs or audits: paired differences, second minus first, and what was configured.

    ``aiakit compare RUN:leace RUN2:aia`` compares two releases, attack by attack; where none is named, every one of the
    first run is paired with every one of the second. Differences are paired over people where both judge by the same
    people; otherwise the values stand alone.
    """
    from aiakit.report.comparison import print_comparison
    from aiakit.results.comparison import Side, compare

    document = compare(Side.read(first), Side.read(second))
    if as_json:
        emit_json(document)
    else:
        print_comparison(document)
