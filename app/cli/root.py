"""The command itself, and how its parts are loaded."""

import gc
from importlib import import_module
from types import ModuleType

import typer

cli = typer.Typer(
    name="norepeat", help="Postmortems that change something.", no_args_is_help=True, add_completion=False
)


def late(name: str) -> ModuleType:
    """A module that only one command needs: the worker shall not carry the API's memory, nor start as slowly."""
    return import_module(name)


def collect_garbage() -> None:
    """From here on; what is loaded stays, so the collector need not walk it."""
    gc.freeze()
    gc.enable()
