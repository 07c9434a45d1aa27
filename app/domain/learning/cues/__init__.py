"""What operations people say when a contributing factor was at work: general vocabulary of the field, as patterns."""

from app.domain.learning.cues.changes import CHANGES
from app.domain.learning.cues.people import PEOPLE
from app.domain.learning.cues.systems import SYSTEMS

CUES = {**CHANGES, **PEOPLE, **SYSTEMS}
"""factor code → cues. A cue is (name, how strongly it speaks for the factor, its patterns)."""

__all__ = ["CUES"]
