"""A network cable to a gate's relay box or to a camera, to cut, to garble and to hold."""

import os
import select
import socket
import threading
import time
from typing import Self

POLL_S = 0.01
FAULTS = ("cut", "silent", "garbage", "drip", "other_function", "flood")


class Wire:
    """Passes on what comes, until `fault` says otherwise: one of `FAULTS`, or None. Use it as a context."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.fault: str | None = None
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(POLL_S)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End the connections that are open; new ones are as they should be."""
        self.fault = "cut"
        for thread in self._threads[1:]:
            thread.join()
        self.fault = None

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            near.setblocking(True)
            carrying = threading.Thread(target=self._carry, args=(near,), daemon=True)
            carrying.start()
            self._threads.append(carrying)

    def _carry(self, near: socket.socket) -> None:
        with near:
            try:
                with socket.create_connection(("127.0.0.1", self.to), 1) as far:
                    while not self._ended.is_set() and self._pass_on(near, far):
                        pass
            except OSError:
                pass

    def _pass_on(self, near: socket.socket, far: socket.socket) -> bool:
        ready, _, _ = select.select([near, far], [], [], POLL_S)
        if self.fault == "cut":
            return False
        for one in ready:
            data = one.recv(4096)
            if not data:
                return False
            if one is near:
                far.sendall(data)
            else:
                self._answer(near, data)
        return True

    def _answer(self, near: socket.socket, data: bytes) -> None:
        fault = self.fault
        if fault == "garbage":
            near.sendall(os.urandom(len(data)))
        elif fault == "other_function":
            near.sendall(data[:7] + bytes([data[7] ^ 0x10]) + data[8:])
        elif fault == "drip":
            for number in range(len(data)):
                near.sendall(data[number : number + 1])
                time.sleep(0.1)
        elif fault == "flood":
            end_s = time.monotonic() + 1
            while time.monotonic() < end_s and self.fault == "flood":
                near.sendall(b"\x00" * 512)
        elif fault is None:
            near.sendall(data)
