"""Stories that were read already: reading is what takes time, and most stories never change."""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from app.domain.learning.factors import FactorModel
from app.domain.learning.resemblance import Account, account_of
from app.domain.learning.suggestions import KnownIncident


class Accounts:
    """Accounts by incident and by what changes with its story; the least recently used are forgotten."""

    def __init__(self, most: int = 2000) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[UUID, str], Account] = OrderedDict()
        self._lock = Lock()

    def of(self, known: KnownIncident, model: FactorModel) -> Account:
        """The account of a known incident, read now or remembered."""
        key = known.id, known.stamp
        with self._lock:
            account = self._kept.pop(key, None)
        account = account or account_of(model, known.story)
        with self._lock:
            self._kept[key] = account
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return account
