"""Runs the supervisor with the stand-ins of `fake_children` in place of the real commands."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from app.run import Commands, read_settings, supervise

FAKE = (sys.executable, "-S", str(Path(__file__).with_name("fake_children.py")))

if __name__ == "__main__":
    settings = read_settings(os.environ, Path.cwd())
    patience = float(os.environ.get("STOP_PATIENCE", "10"))
    commands = Commands((*FAKE, "migrate"), (*FAKE, "serve"), (*FAKE, "worker"))
    sys.exit(supervise(replace(settings, stop_patience_seconds=patience), commands))
