"""Pages: how many records a list may hold, and what it says about the rest."""

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
