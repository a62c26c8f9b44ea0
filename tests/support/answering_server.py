"""An HTTP server that gives everybody the same answer, and keeps what it was sent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Answer(BaseHTTPRequestHandler):
    status: int
    body: bytes
    drip_s: float
    received: list[bytes]

    def do_GET(self) -> None:
        self.received.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        step = 1 if self.drip_s else len(self.body) or 1
        for start in range(0, len(self.body), step):
            self.wfile.write(self.body[start : start + step])
            self.wfile.flush()
            time.sleep(self.drip_s)

    do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Quiet, also where a client hangs up."""


@contextmanager
def answering(body: bytes, *, status: int = 200, drip_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the bodies that it received. With `drip_s` its bytes come one by one, so far apart."""
    received: list[bytes] = []
    answer = {"body": body, "status": status, "drip_s": drip_s, "received": received}
    server = _Server(("127.0.0.1", 0), type("Answer", (_Answer,), answer))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
