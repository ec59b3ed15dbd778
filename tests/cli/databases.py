"""Databases that tests load into, read back by their own clients: sqlite3 and psql."""
import csv
import glob
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest


class Sqlite:
    """A file in the test's folder."""
    format = "sqlite"
    connection = "{path: warehouse.db}"

    def __init__(self, folder):
        self.path = Path(folder) / "warehouse.db"

    def connect(self):
        return sqlite3.connect(self.path, isolation_level=None)

    def values(self, sql):
        """Rows as tuples of Python's values."""
        db = self.connect()
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def rows(self, sql):
        """Rows as tuples of texts, None for null."""
        return [tuple(None if v is None else str(v) for v in row) for row in self.values(sql)]

    def execute(self, sql):
        db = self.connect()
        db.executescript(sql)
        db.close()


class Server:
    """A PostgreSQL of the tests' own: a folder, a socket in it, no port. As root it runs as nobody's."""

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin")) + [
            os.path.dirname(shutil.which("initdb") or "")]
        self.bin = next((f for f in reversed(found) if f and Path(f, "initdb").exists()), None)
        if not self.bin or not shutil.which("psql"):
            pytest.skip("NOT TESTED: there is no PostgreSQL here (scripts/setup --test installs it)")
        self.folder = Path(tempfile.mkdtemp(prefix="silt-pg-"))
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        data = self.folder / "data"
        self.run("initdb", "-D", data, "-U", "silt", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        (data / "postgresql.conf").open("a").write(
            "listen_addresses = ''\nfsync = off\nmax_connections = 40\nshared_buffers = 32MB\n"
            f"unix_socket_directories = '{self.folder}'\nlog_min_messages = fatal\n")
        self.run("pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "start")
        self.databases = 0

    def run(self, program, *args):
        p = subprocess.run([f"{self.bin}/{program}", *map(str, args)], cwd=self.folder, timeout=120,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **self.user)
        assert p.returncode == 0, p.stdout

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, database, *args):
        return subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder),
                               "-U", "silt", "-d", database, *args], timeout=120, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def new_database(self):
        self.databases += 1
        name = f"t{self.databases}"
        assert self.psql("postgres", "-c", f"CREATE DATABASE {name}").returncode == 0
        return name


@pytest.fixture(scope="session")
def postgres_server():
    server = Server()
    yield server
    server.stop()


class Postgres:
    """A database of its own on the tests' server."""
    format = "postgres"

    def __init__(self, server):
        self.server = server
        self.name = server.new_database()
        self.url = f"postgresql://silt:s3cret@/{self.name}?host={server.folder}"
        self.connection = f"{{path: '{self.url}'}}"

    def rows(self, sql):
        p = self.server.psql(self.name, "--csv", "-t", "-P", "null=<NULL>", "-c", sql)
        assert p.returncode == 0, p.stderr
        return [tuple(None if v == "<NULL>" else v for v in row)
                for row in csv.reader(io.StringIO(p.stdout))]

    def execute(self, sql):
        p = self.server.psql(self.name, "-c", sql)
        assert p.returncode == 0, p.stderr


class Proxy:
    """Between a client and the server: before(n, message) and after(n) are called for what the client
    sends, numbered from 1 over all connections; before() may say "cut" (the connection is gone, the
    server never gets it) or "lose" (the server gets it, and its answer is lost)."""

    def __init__(self, server, before):
        self.server, self.before = server, before
        self.sent = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            backend = socket.socket(socket.AF_UNIX)
            backend.connect(f"{self.server.folder}/.s.PGSQL.5432")
            muted, unheard = threading.Event(), threading.Event()
            threading.Thread(target=self.answers, args=(backend, client, muted, unheard), daemon=True).start()
            threading.Thread(target=self.questions, args=(client, backend, muted, unheard), daemon=True).start()

    def questions(self, client, backend, muted, unheard):
        try:
            while data := client.recv(1 << 20):
                with self.lock:
                    self.sent += 1
                    verdict = self.before(self.sent, data)
                    if verdict == "lose":
                        muted.set()
                    if verdict != "cut":
                        backend.sendall(data)
                if verdict == "lose":
                    unheard.wait(60 if b"COMMIT" in data else 0.3) # not all that is sent is answered
                if verdict:
                    break
        except OSError:
            pass
        for s in client, backend:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    @staticmethod
    def answers(backend, client, muted, unheard):
        try:
            while data := backend.recv(1 << 20):
                if muted.is_set():
                    unheard.set()
                else:
                    client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
