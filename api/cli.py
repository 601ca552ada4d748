"""The command line: the table of commands, and the one place where their errors become a sentence and an exit code.

Exit codes: 0 done, 1 our mistake, 2 a mistake of the caller. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from api.commands import accounts, backup, doctor, evaluating, learning, reading, running, sending, serving, simulating
from api.commands.shared import USER_ERROR, CommandError, complain
from extractor.processes.launch import leave_out_the_current_folder
from models.text import fault_of, path_as_text

app = typer.Typer(
    name="countersign",
    help="Document extraction with people in the loop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

COMMANDS: tuple[Callable[..., None], ...] = (
    running.run,
    serving.serve,
    serving.worker,
    serving.migrate,
    doctor.doctor,
    reading.extract,
    reading.learn,
    evaluating.evaluate,
    simulating.simulate,
    sending.upload,
    sending.watch,
    learning.snapshot,
    learning.export,
    backup.backup,
    backup.restore,
)
for command in COMMANDS:
    app.command()(command)
app.command(name="demo", help="The same as `run`.", hidden=True)(running.run)
app.add_typer(accounts.user, name="user")
app.add_typer(accounts.key, name="key")
app.add_typer(learning.model, name="model")


def main() -> None:
    """Run one command. The broad `except` of the command line is here."""
    leave_out_the_current_folder()
    try:
        _check_arguments(sys.argv[1:])
        app()
    except CommandError as error:
        complain(str(error), error.next_step)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
    except UnicodeError:
        complain("What was typed or piped in is not UTF-8 text.", "Set the terminal to UTF-8, or convert the input.")
        sys.exit(USER_ERROR)
    except Exception as error:  # noqa: BLE001 - the edge
        sys.exit(_explain(error))


def _check_arguments(arguments: list[str]) -> None:
    """Names and values as at the other doors; files may be called whatever the file system allows."""
    for argument in arguments:
        fault = fault_of(argument)
        if fault is not None and not Path(argument).exists():
            raise CommandError(
                f"{path_as_text(argument)!r} contains {fault}.", "Take it out and run the command again."
            )


def _explain(error: Exception) -> int:
    """Errors of the domain are sentences already; anything else is ours, with its trace for those who ask."""
    from api.errors import kind_of

    kind = kind_of(error)
    if kind is not None:
        complain(str(error) or kind.code, getattr(error, "next_step", "") or kind.next_step)
        return USER_ERROR
    if os.environ.get("COUNTERSIGN_LOG_LEVEL", "").upper() == "DEBUG":
        raise error
    complain(
        f"Something broke: {type(error).__name__}: {error}",
        "Run it again with COUNTERSIGN_LOG_LEVEL=DEBUG to see where.",
    )
    return 1


if __name__ == "__main__":
    main()
