"""The frame of the command line: which commands there are, and how each ends: a failure is one line and an exit code.

Exit codes: 0 done, 1 failure, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import rich_click as click

from aiakit import __version__
from aiakit.cli.explain import say
from aiakit.cli.process import Program, prepare_streams, silence

# name → ("module:object", one line for --help). Nothing of a command is imported before it is used.
COMMANDS = {
    "run": ("aiakit.cli.run:command", "Train defenses, probe their releases with every attack, measure utility."),
    "sweep": ("aiakit.cli.sweep:command", "Run one defense over values of its options; draw claimed and measured."),
    "benchmark": ("aiakit.cli.benchmark:command", "Run a suite: the poster's tables, reported beside measured."),
    "show": ("aiakit.cli.show:command", "Show the results of a run from its stored scores."),
    "report": ("aiakit.cli.report:command", "Write the offline HTML report of a run, with its charts."),
    "visualize": ("aiakit.cli.visualize:command", "Draw faces as releases show them, and what attacks say of one."),
    "leaderboard": ("aiakit.cli.leaderboard:command", "Rank releases by what they leak; submit and verify entries."),
    "compare": ("aiakit.cli.compare:command", "Compare two runs: paired differences, and what was configured."),
    "audit": ("aiakit.cli.audit:command", "Measure what embeddings or pictures that exist already leak."),
    "encode": ("aiakit.cli.encode:command", "Write the embeddings of a data set's images into a file."),
    "calibrate": ("aiakit.cli.calibrate:command", "Measure the attacks on leaks whose Bayes accuracy is known."),
    "export": ("aiakit.cli.export:command", "Write a trained defense as a file that runs without aiakit."),
    "protect": ("aiakit.cli.protect:command", "Apply a trained defense to new photographs."),
    "data": ("aiakit.cli.data:command", "Show what a data set holds."),
    "list": ("aiakit.cli.list:command", "List the attacks, defenses, encoders and datasets, with their options."),
    "check": ("aiakit.cli.check:command", "Check that a plugin keeps its contract."),
    "new": ("aiakit.cli.new:command", "Write a working, tested skeleton of a plugin."),
}
COMPLETE = "_AIAKIT_COMPLETE"


class LazyGroup(click.RichGroup):
    """A group whose commands are known by name and one line, and imported when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of COMMANDS: the main job first."""
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments as they were given, for commands that store them (``cli.common.command_line``)."""
        ctx.obj = tuple(args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the command that is called; raises click's NoSuchCommand, with the nearest name, for another."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            module, _, attribute = COMMANDS[name][0].partition(":")
            command = getattr(importlib.import_module(module), attribute)
        return name, command, rest


@click.group(
    cls=LazyGroup,
    commands=[click.RichCommand(name=name, help=line) for name, (_, line) in COMMANDS.items()],
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what face representations leak about a private attribute, and what they are still good for.",
)
@click.version_option(__version__, prog_name="aiakit", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error (or set AIAKIT_DEBUG=1).")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    if debug:
        os.environ["AIAKIT_DEBUG"] = "1"  # worker processes show theirs too
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. A command may return a code of its own.

    arguments : None where this process is the program ``aiakit``, whose arguments are the process's own.
    """
    prepare_streams()
    if COMPLETE in os.environ:  # a shell asks what could be typed: click answers, and exits
        cli.main(prog_name="aiakit")
    if arguments is not None:
        return _run(arguments)
    program = Program()
    return program.finish(_run(None))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="aiakit", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        print("aiakit: interrupted; run the same command again to resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _reader_has_gone()
    except (SystemExit, GeneratorExit) as error:
        if isinstance(error.__context__, BrokenPipeError):  # click's own way out of one
            return _reader_has_gone()
        ended = f"the program was ended by a library or a plugin ({type(error).__name__}), and nothing was finished"
        print(f"aiakit: error: {ended}", file=sys.stderr)
        return 1
    except Exception as error:
        return say(error)
    return code if isinstance(code, int) else 0


def _reader_has_gone() -> int:
    """Nobody reads any more (``| head``)."""
    silence(sys.stdout)
    return 1
