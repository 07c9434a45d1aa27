"""Stand-ins for the migration, the API and the worker that write down what happens to them."""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def record(event: str) -> None:
    with Path(os.environ["RECORD"]).open("a") as file:
        file.write(f"{event}\n")


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def migrate() -> None:
    print("migrated to 1\nadmin key: nr_1_secret", flush=True)
    sys.exit(int(os.environ.get("MIGRATE_CODE", "0")))


def serve() -> None:
    record_signals("serve", 0.0)
    address = (os.environ["NOREPEAT_HOST"], int(os.environ["NOREPEAT_PORT"]))
    HTTPServer(address, Ready).serve_forever()


def worker() -> None:
    record_signals("worker", float(os.environ.get("WORKER_STOPS_IN", "0")))
    record(f"worker has {os.environ['NOREPEAT_DATABASE_URL']}")
    if "WORKER_CODE" in os.environ:
        while "serve is" not in Path(os.environ["RECORD"]).read_text():
            time.sleep(0.01)
        sys.exit(int(os.environ["WORKER_CODE"]))
    while True:
        time.sleep(60)


def record_signals(name: str, seconds: float) -> None:
    def ask(number: int, _: object) -> None:
        record(f"{name} got {signal.Signals(number).name}")
        if number == signal.SIGTERM:
            time.sleep(seconds)
            record(f"{name} stopped")
            os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask)
    record(f"{name} is {os.getpid()}")


if __name__ == "__main__":
    {"migrate": migrate, "serve": serve, "worker": worker}[sys.argv[1]]()
