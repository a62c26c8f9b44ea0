"""A small HTTP service on localhost, for what a program under test asks another one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HttpService(BaseHTTPRequestHandler):
    """Derive from it, and call `answer` in `respond`."""

    def respond(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def do_PUT(self) -> None:
        self.respond()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def served(service: type[HttpService]) -> Iterator[str]:
    """The address at which the service answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def answering(body: bytes, *, status: int = 200, drip_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the bodies that it received. With `drip_s` its bytes come one by one, so far apart."""
    received: list[bytes] = []

    class Answer(HttpService):
        def respond(self) -> None:
            received.append(self.body())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            step = 1 if drip_s else len(body) or 1
            with suppress(ConnectionError):  # a client may hang up
                for start in range(0, len(body), step):
                    self.wfile.write(body[start : start + step])
                    self.wfile.flush()
                    time.sleep(drip_s)

    with served(Answer) as address:
        yield address, received
