"""A stop that was asked for by a signal."""

import select
import signal
import socket


class Signals:
    """Remembers that a stop was asked for, and wakes the waiting loop at once."""

    def __init__(self) -> None:
        self._stop_asked = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        # nohup ignores the hang-up of a terminal on purpose.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._ask_to_stop)

    def asked(self) -> bool:
        return self._stop_asked

    def pause(self, seconds: float) -> None:
        if select.select([self._reader], [], [], seconds)[0]:
            self._reader.recv(4096)

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True
