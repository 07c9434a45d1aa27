"""Secrets at rest: encrypted with the first of several keys, readable with each of them."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.domain.errors import Invalid, Unavailable

KEY_FILE = "encryption.key"


class NotAKey(Invalid):
    """An encryption key is 32 bytes in URL-safe base64, as `norepeat secrets key` prints one."""

    code = "not_a_key"


class FernetVault:
    """The port `Vault`. Without configured keys one is made in the data directory, readable by its owner alone."""

    def __init__(self, keys: Sequence[str], data_dir: Path) -> None:
        self._keys = tuple(keys)
        self._file = data_dir / KEY_FILE
        self._opened: MultiFernet | None = None

    def seal(self, text: str) -> str:
        return self._fernet().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unavailable("A secret was sealed with a key that is not among NOREPEAT_ENCRYPTION_KEYS.") from error

    def renew(self, sealed: str) -> str:
        self.open(sealed)
        return self._fernet().rotate(sealed.encode()).decode()

    def _fernet(self) -> MultiFernet:
        if self._opened is None:
            try:
                self._opened = MultiFernet([Fernet(key) for key in self._keys or (_key_in(self._file),)])
            except ValueError as error:
                raise NotAKey from error
        return self._opened


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def _key_in(file: Path) -> str:
    """The key that the file holds, made if there is none. Two processes that start at once end with the same one."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        own = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as opened:
                opened.write(new_key())
            os.link(own, file)
        except FileExistsError:
            return file.read_text()
        finally:
            own.unlink()
    return file.read_text().strip()
