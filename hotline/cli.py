"""The `hotline` command: reads its arguments, calls what does the work, prints what came of it.

Errors are one sentence with the mend on standard error; exit codes: 0 done, 1 it did not work, 2 wrong use or
configuration, 3 not found, 130 interrupted. A traceback means a fault of ours.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from config.errors import ConfigError
from config.packs.problems import PackErrors
from config.settings import Settings, load_settings
from hotline import counting
from hotline.commands import Json, SettingsFile
from hotline.commands import accounts as account_commands
from hotline.commands import alarms as alarm_commands
from hotline.commands import city as city_commands
from hotline.commands import restrictions as restriction_commands
from hotline.commands import route as route_commands
from hotline.commands import tables as table_commands
from hotline.commands import transfers as transfer_commands

app = typer.Typer(
    name="hotline",
    help="A Chinese city's 12345 government hotline by telephone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
calls = typer.Typer(help="Calls and their stories.", no_args_is_help=True)
orders = typer.Typer(help="Orders (工单).", no_args_is_help=True)
recordings = typer.Typer(help="Recordings and what is missing of them.", no_args_is_help=True)
app.add_typer(calls, name="call")
app.add_typer(orders, name="order")
app.add_typer(recordings, name="recording")
app.add_typer(account_commands.app, name="account")
app.add_typer(alarm_commands.app, name="alarm")
app.add_typer(city_commands.app, name="city")
app.add_typer(table_commands.app, name="table")
app.add_typer(transfer_commands.app, name="transfer")
app.add_typer(restriction_commands.app, name="restriction")
app.command("route")(route_commands.route)

FAILED, MISUSED, NOT_FOUND, INTERRUPTED = 1, 2, 3, 130


def main() -> NoReturn:
    """Run the command and exit."""
    try:
        code = app(standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(_told(error))
    sys.exit(code or 0)


def _told(error: Exception) -> int:
    """Say what went wrong in one sentence each; returns the exit code. What is not expected is raised again."""
    from sqlalchemy.exc import SQLAlchemyError
    from typer.exceptions import TyperException

    from config.database import DatabaseUnreachable, is_outage
    from hotline.accounts import AccountError, AccountRefused, UnknownAccount
    from hotline.commands.table_words import Refused
    from hotline.lookup import NotFoundError
    from hotline.runtime.errors import SetupError
    from hotline.services import ServiceError

    match error:
        case TyperException():
            show: Callable[[], None] = getattr(error, "show", lambda: _say(str(error)))
            show()
            return MISUSED
        case typer.Abort():
            return INTERRUPTED
        case PackErrors():
            for line in error.lines:
                _say(line)
            return MISUSED
        case ConfigError():
            _say(str(error))
            return MISUSED
        case AccountRefused():
            _say(str(error))
            return MISUSED
        case NotFoundError() | UnknownAccount():
            _say(str(error))
            return NOT_FOUND
        case Refused():
            for line in error.lines:
                _say(line)
            return FAILED
        case SetupError() | ServiceError() | AccountError():
            _say(str(error))
            return FAILED
    if isinstance(error, DatabaseUnreachable | SQLAlchemyError | ConnectionError) and is_outage(error):
        _say("the database cannot be reached; see that it runs and that `database_url` in the settings is right")
        return FAILED
    raise error


def _say(sentence: str) -> None:
    print(f"hotline: {sentence}", file=sys.stderr)


def _settings(path: Path | None, *, logs: bool = False) -> Settings:
    settings = load_settings(path)
    if logs:
        from config.logs import configure

        configure(settings.log_level)
    return settings


# ---------------------------------------------------------------- running


@app.command()
def serve(settings: SettingsFile = None) -> None:
    """Run the hotline: switch, Redis, workers, HTTP API. SIGHUP reads the city pack again."""
    found = _settings(settings, logs=True)
    found.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    counting.prepare(found.state_dir)
    from hotline import serve as service  # imports the metrics

    service.serve(found)


@app.command()
def sandbox(
    once: Annotated[bool, typer.Option("--once", help="Exit after the story, 0 only if every step was seen.")] = False,
    json: Json = False,
) -> None:
    """Run the hotline against a simulated outside world and tell the story of a citizen's call."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: nothing may be left running
    from hotline import sandbox as story

    raise typer.Exit(story.run(once=once, as_json=json))


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is there, what is missing and how to mend it."""
    from hotline import doctor as examination

    raise typer.Exit(examination.main(as_json=json))


# ---------------------------------------------------------------- looking


def _show(look: Callable[..., Any], settings: Path | None, json: bool, *arguments: object) -> None:
    from hotline import lookup, show

    found = lookup.run(_settings(settings), look, *arguments)
    show.as_json(found) if json else show.for_people(found)


@calls.command("list")
def call_list(limit: int = 20, json: Json = False, settings: SettingsFile = None) -> None:
    """The latest calls, newest first."""
    from hotline import lookup

    _show(lookup.calls, settings, json, limit)


@calls.command("show")
def call_show(call: str, json: Json = False, settings: SettingsFile = None) -> None:
    """One call's story."""
    from hotline import lookup

    _show(lookup.call, settings, json, call)


@orders.command("show")
def order_show(number: str, json: Json = False, settings: SettingsFile = None) -> None:
    """An order by its number, or by the id of its call."""
    from hotline import lookup

    _show(lookup.order, settings, json, number)


@recordings.command("show")
def recording_show(call: str, json: Json = False, settings: SettingsFile = None) -> None:
    """What is kept of a call's recording, where, and until when."""
    from hotline import lookup

    _show(lookup.recording, settings, json, call)


@recordings.command("gaps")
def recording_gaps(limit: int = 100, json: Json = False, settings: SettingsFile = None) -> None:
    """Recordings with something missing."""
    from hotline import lookup

    _show(lookup.gaps, settings, json, limit)
