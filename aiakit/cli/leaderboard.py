"""``aiakit leaderboard``: rank releases; write, verify and extend entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import emit_json, plugin_option, verbose_option
from aiakit.cli.options import options_of_dataset, source_options
from aiakit.cli.results import tell

SMALL = 32  # pixels, of pictures that nobody looks at


class DefaultsToShow(click.RichGroup):
    """A group whose command "show" may be left out: ``aiakit leaderboard RUN``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultsToShow, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Rank releases by what their strongest attacker reads.

    ``aiakit leaderboard RUN`` is short for ``aiakit leaderboard show RUN``.
    """


@command.command()
@click.argument("paths", metavar="[RUN|FOLDER|ENTRY.json]...", nargs=-1)
@click.option(
    "--min-utility",
    type=click.FloatRange(0, 1),
    help="Rank only releases whose verification accuracy (random impostors) is at least this.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "markdown", "csv", "json", "latex"]),
    default="terminal",
    show_default=True,
    help="How it is printed.",
)
@click.option(
    "--html",
    metavar="DIR",
    help="Write one offline HTML page into this folder instead, with board.json and board.csv beside it.",
)
@click.option("--figures", is_flag=True, help="With --html: also save each chart as SVG, PNG and PDF.")
@click.option(
    "--calibration",
    "calibrations",
    multiple=True,
    metavar="FILE",
    help="With --html: what aiakit calibrate --out wrote.  [default: what was measured for this version]",
)
@click.option(
    "--attacks",
    multiple=True,
    metavar="NAME[,NAME…]",
    help="What a release must be measured by to take a rank.  [default: what at least half of the releases were]",
)
@click.option("--trust", is_flag=True, help="Rank releases also where their scores are only the submitter's word.")
@verbose_option
@plugin_option
def show(
    paths: tuple[str, ...],
    min_utility: float | None,
    style: str,
    verbose: bool,
    html: str | None,
    figures: bool,
    calibrations: tuple[str, ...],
    attacks: tuple[str, ...],
    trust: bool,
) -> int:
    """Rank the releases of runs, audits and entries on one protocol.  [default: the folder runs]

    What is unfinished, damaged or of another protocol is set aside and named; the exit code is then 1 (0 where no path
    was given and the folder merely holds runs of several protocols).
    """
    from aiakit.errors import InputError
    from aiakit.experiment.selection import split_names
    from aiakit.leaderboard.board import make_board
    from aiakit.leaderboard.gather import gather
    from aiakit.report import board_tables as tables

    if html is None and (figures or calibrations):
        raise InputError("--figures and --calibration are of a page: add --html DIR")
    found = gather([Path(path) for path in paths or ("runs",)])
    board = make_board(
        found.submissions,
        found.reported,
        min_utility,
        found.withdrawn,
        found.set_aside,
        split_names(attacks) or None,
        trust,
    )
    if html is not None:
        from aiakit.report.board import write_board
        from aiakit.report.calibration import read_calibration, shipped_calibrations

        known = [read_calibration(Path(file)) for file in calibrations] or shipped_calibrations()
        for path in write_board(board, Path(html), known, figures):
            click.echo(str(path))
    elif style == "terminal":
        tables.print_board(board, verbose)
    else:
        written = {"json": tables.as_json, "csv": tables.as_csv}
        click.echo(written[style](board) if style in written else tables.as_text(board, style), nl=False)
    tell(*(f"withdrawn: {line}" for line in board.withdrawn), *(f"set aside: {line}" for line in board.set_aside))
    return 1 if found.unreadable or (paths and found.set_aside) else 0


@command.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--out", required=True, metavar="FOLDER", help="The folder of entries.")
@click.option("--defense", metavar="NAME", help="Only this release of the run.")
@click.option("--with-release", is_flag=True, help="Also store the release, so that attacks can be trained again.")
@click.option("--replace", is_flag=True, help="Remove other entries of the same releases and data.")
@click.option("--submitter", metavar="NAME", default="", help="Who hands it in, as the board shows it.")
@click.option("--link", metavar="URL", default="", help="Where to read about the defense.")
@click.option("--version", metavar="TEXT", default="", help="Which version of the defense it is.")
@plugin_option
def submit(run: str, out: str, defense: str | None, with_release: bool, replace: bool, **told: str) -> None:
    """Write an entry of every release of a finished run or audit: a JSON file, and its scores beside it.

    Entries that are in the folder already are left as they are, without --replace.
    """
    from aiakit.experiment.run import Run
    from aiakit.leaderboard import submit as submitting

    by = submitting.provenance_of(**told)
    done = submitting.submit(Run.open(Path(run)), Path(out), defense, with_release, by, replace)
    for path in done.files:
        click.echo(str(path))
    tell(
        *done.notes,
        f"next: aiakit leaderboard verify {out}, and aiakit leaderboard {out} --trust shows where it stands",
    )


@command.command()
@click.argument("entries", metavar="ENTRY.json|FOLDER...", nargs=-1, required=True)
@click.option("--rerun", is_flag=True, help="Also train the attacks again, on the release that was submitted.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="With --rerun: by how much balanced accuracy may differ (other machines round differently).",
)
@click.option("--dataset", metavar="NAME", help="With --rerun: also compare the labels that attacks learn from.")
@source_options
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Set another option of the data set.")
@plugin_option
def verify(
    entries: tuple[str, ...],
    rerun: bool,
    tolerance: float,
    dataset: str | None,
    settings: tuple[str, ...],
    **given: Any,
) -> None:
    """Compute every figure of entries again from their scores; refuse an entry whose figures differ.

    A FOLDER stands for all entries in it; all that are refused are named. On dealt splits (without --folds) an entry
    lacks the labels of attacker-train, so that attacks count as trained again only where --dataset has them.
    """
    from aiakit.errors import InputError
    from aiakit.leaderboard.entry import read_submission
    from aiakit.leaderboard.verify import measured_entries, verified

    if dataset is None and (settings or any(given.values())):
        raise InputError("options of a data set say nothing without --dataset NAME")
    if dataset is not None and not rerun:
        raise InputError("--dataset is for the labels that attacks learn from: add --rerun")
    data = None if dataset is None else _data(dataset, settings, given)
    refused, paths = [], [found for path in entries for found in measured_entries(Path(path))]
    for path in paths:
        try:
            submission = read_submission(path)
            verified(submission)
            if rerun:
                _rerun(submission, tolerance, data)
        except InputError as error:
            refused.append(str(error))
        else:
            click.echo(f"{path}: verified")
    if len(refused) > 1:
        tell(*refused)
        raise InputError(f"{len(refused)} of {len(paths)} entries are refused, for the reasons above")
    if refused:
        raise InputError(refused[0])


def _data(dataset: str, settings: tuple[str, ...], given: dict[str, Any]) -> Any:
    """A data set that entries may be of."""
    from aiakit.leaderboard.labels import Data

    return Data.load(dataset, *_loading(dataset, settings, given))


def _loading(dataset: str, settings: tuple[str, ...], given: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The options of a data set, and how it is loaded for its labels."""
    from aiakit.contracts import LoadSettings
    from aiakit.datasets.parallel import usable_cores
    from aiakit.storage.cache import cache_folder

    options = options_of_dataset(dataset, settings, given)
    return options, LoadSettings(SMALL, cache_folder(), usable_cores(), given["strict"])


def _rerun(submission: Any, tolerance: float, data: Any) -> None:
    from aiakit.errors import InputError
    from aiakit.experiment.runtime import Runtime
    from aiakit.leaderboard import limits, released, rerun
    from aiakit.leaderboard.standing import note_computed, note_limits
    from aiakit.storage.cache import cache_folder

    known, certified = released.learns_from_its_labels(submission, data), limits.require_same_values(submission)
    refused, confirmed = [], []
    for result in rerun.rerun(submission, Runtime(cache_folder())):
        of = "" if result.folds is None else f", left out after {result.folds} folds (on attacker-val of these)"
        name = result.attack + of
        if result.apart is None:
            line = f"{name}: not trained again: {result.reason}"
        else:
            line = f"{name}: submitted {result.submitted:.3f}, trained again {result.again:.3f}"
            confirmed.append(result.attack)
            if result.apart > tolerance:
                refused.append(line + (f" (on attacker-val {result.apart:.3f} apart)" if result.on_val else ""))
        tell(line)
    if refused:
        raise InputError(f"{submission.path} is refused: {refused[0]} (more than --tolerance {tolerance:g} apart)")
    if certified and submission.entry.accuracy_bound is None:
        note_limits(submission)
    if known:
        note_computed(submission, confirmed)
    else:
        tell(released.UNKNOWN)


@command.command("add-attack")
@click.argument("entry", metavar="ENTRY.json")
@click.argument("scores", metavar="[SCORES.safetensors]", required=False)
@click.option("--name", required=True, metavar="NAME", help="What the attack is called on the board.")
@click.option("--submitter", metavar="NAME", default="", help="Who hands it in, as the board shows it.")
@plugin_option
def add_attack(entry: str, scores: str | None, name: str, submitter: str) -> None:
    """Add an attack to an entry: its scores, or one that is trained on the submitted release (--plugin).

    Scores are shown as external and change no rank, since nobody can train them again. An attack that was trained here
    counts like those of the entry.
    """
    from aiakit.experiment.runtime import Runtime
    from aiakit.leaderboard import external
    from aiakit.storage.cache import cache_folder

    if scores is None:
        click.echo(str(external.train_attack(Path(entry), name, Runtime(cache_folder()), submitter)))
    else:
        click.echo(str(external.add_attack(Path(entry), Path(scores), name, submitter)))


@command.command("add-risks")
@click.argument("entries", metavar="ENTRY.json…", nargs=-1, required=True)
@click.argument("run", metavar="RUN")
@plugin_option
def add_risks(entries: tuple[str, ...], run: str) -> None:
    """Add the risks that a finished run has measured (--risks) to entries of the same releases.

    The run needs none of an entry's attacks but one, or the verifier: by the scores that both have it is told that the
    release is the same. Where one entry is refused none is changed.
    """
    from aiakit.experiment.run import Run
    from aiakit.leaderboard.supply import supply_risks

    for path in supply_risks([Path(entry) for entry in entries], Run.open(Path(run))):
        click.echo(str(path))


@command.command()
@click.argument("entry", metavar="ENTRY.json")
@click.option("--attack", metavar="NAME", help="Only this external attack; the entry stays.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, as the board then says.")
def withdraw(entry: str, attack: str | None, reason: str) -> None:
    """Take back an entry, or an external attack: its scores are removed, and the folder says when and why."""
    from aiakit.leaderboard.withdraw import withdraw_attack, withdraw_entry

    path = Path(entry)
    click.echo(str(withdraw_entry(path, reason) if attack is None else withdraw_attack(path, attack, reason)))


@command.command()
@click.argument("entry", metavar="ENTRY.json")
@click.option("--reason", required=True, metavar="TEXT", help='Why, as the board then says; "" takes it back.')
def flag(entry: str, reason: str) -> None:
    """Say what speaks against an entry, which stays: that it is weak, or that somebody refuted it, and where."""
    from aiakit.leaderboard.withdraw import flag_entry

    click.echo(str(flag_entry(Path(entry), reason)))


@command.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--dataset", required=True, metavar="NAME", help="The data set that the entries are of.")
@source_options
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Set another option of the data set.")
@plugin_option
def labels(folder: str, dataset: str, settings: tuple[str, ...], **given: Any) -> None:
    """Make the labels of test that the entries of a folder lack again, from the data set.

    For entries that are handed on without the file of labels, because the data's licence asks for it.
    """
    from aiakit.leaderboard.labels import write_labels

    written = write_labels(Path(folder), dataset, *_loading(dataset, settings, given))
    for path in written:
        click.echo(str(path))
    if not written:
        tell(f"no entry of {folder} lacks its labels")


@command.command()
def schema() -> None:
    """Print the JSON schema of entries and of files of published figures."""
    from aiakit.leaderboard.schema import json_schema

    emit_json(json_schema())
