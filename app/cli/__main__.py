"""`python -m app.cli` is `norepeat`."""

from app.cli import main

main()
