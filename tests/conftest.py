"""What the Python tests share: the command in a folder of its own, and two independent readers.

    def test_version(silt):
        assert silt("--version").out.startswith("silt ")

    def test_rows(silt, read_deltalake, read_duckdb):
        silt("run", "--config", "silt.yaml")
        assert read_deltalake(silt.dir / "lake/t").num_rows == 3
"""
import fcntl
import glob
import json
import os
import select
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SANITIZER = ("AddressSanitizer", "LeakSanitizer", "UndefinedBehaviorSanitizer", "ThreadSanitizer", "runtime error:")
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DUCKDB_DIR", "SILT_DUCKDB", "TMPDIR", "ASAN_OPTIONS",
             "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


class Result:
    """What one run of the command left: rc (negative for a signal), out, err."""

    def __init__(self, args, rc, out, err):
        self.args, self.rc, self.out, self.err = args, rc, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"silt {' '.join(self.args)} → {self.rc}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Silt:
    """Runs the command in `dir`, with a small environment that is the same on every machine."""

    def __init__(self, binary, folder):
        self.binary, self.dir = Path(binary), Path(folder)
        self.env = {k: os.environ[k] for k in PASSED_ON if k in os.environ}
        self.env.update(HOME=str(self.dir), LC_ALL="C.UTF-8", NO_COLOR="1")

    def __call__(self, *args, rc=0, env=None, stdin=None, cwd=None, timeout=600):
        """Runs to the end. `rc` is the exit status that must come (None: any)."""
        p = subprocess.run([str(self.binary), *map(str, args)], cwd=cwd or self.dir,
                           env={**self.env, **(env or {})}, timeout=timeout,
                           input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           errors="replace")
        return self.check(Result([str(a) for a in args], p.returncode, p.stdout, p.stderr), rc)

    def start(self, *args, env=None, cwd=None, **more):
        """Starts a run to be signalled or killed; the caller waits for it (subprocess.Popen)."""
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([str(self.binary), *map(str, args)], cwd=cwd or self.dir,
                                env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True, errors="replace", **more)

    def hold(self, condition, *args, **more):
        """A run that has come as far as the condition says and stands still there, however quick it is: where it would tell
        the next but one of its events. There is room for one message, which isn't taken away before communicate() is called."""
        ours, its = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)  # each message stays by itself
        fcntl.fcntl(its, fcntl.F_SETPIPE_SZ, 4096)
        process = self.start("run", "--verbose", *args, stderr=its, **more)
        os.close(its)
        process.stderr = os.fdopen(ours, errors="replace")
        while True:
            assert select.select([ours], [], [], 300)[0], "it took too long"
            if condition():  # asked behind the message: it is as true as it was when that was told
                return process
            if not os.read(ours, 1 << 16):
                out, err = process.communicate()
                raise AssertionError(f"it ended before, with {process.returncode}: {out}{err}")

    def intents(self, state="state"):
        """How many batches a pipeline has begun. One that is held once there is one more has staged nothing of it yet."""
        log = self.dir / state / "file_processing_tracker/_delta_log"
        return sum('"INTENT"' in path.read_text() for path in log.glob("*.json"))

    @staticmethod
    def check(result, rc):
        for word in SANITIZER:
            assert word not in result.err, f"{word}: {result}"
        assert rc is None or result.rc == rc, f"wanted exit status {rc}: {result}"
        return result

    def write(self, name, text):
        """A file of this text (or these bytes) in the folder; gives its path."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@pytest.fixture(scope="session")
def silt_binary():
    path = Path(os.environ.get("SILT_BIN") or ROOT / "build/silt").resolve()
    if not path.exists():
        pytest.fail(f"{path} isn't built: run make, or set SILT_BIN")
    return path


@pytest.fixture
def silt(silt_binary, tmp_path):
    return Silt(silt_binary, tmp_path)


@pytest.fixture(scope="session")
def shared():
    """The folder of real data and of other writers' tables. Where it is missing the test is skipped."""
    path = os.environ.get("SILT_SHARED") or ROOT.parent / "shared"
    if not Path(path).is_dir():
        pytest.skip(f"NOT TESTED: {path} is not there (SILT_SHARED names the folder of shared data)")
    return Path(path)


@pytest.fixture(scope="session")
def read_deltalake():
    """read(path, version=None): the rows as a pyarrow table, by delta-rs."""
    import deltalake
    import pyarrow

    def read(path, version=None):
        table = deltalake.DeltaTable(str(path), version=version)
        query = deltalake.QueryBuilder().register("t", table)
        rows = pyarrow.table(query.execute("SELECT * FROM t"))
        return rows.cast(pyarrow.schema([f.with_type(plain(f.type)) for f in rows.schema]))
    return read


def plain(kind):
    """The Arrow type without views and dictionaries, which not every pyarrow function takes."""
    import pyarrow as pa
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([f.with_type(plain(f.type)) for f in kind.fields])
    if pa.types.is_map(kind):
        return pa.map_(plain(kind.key_type), plain(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(plain(kind.value_type))
    return kind


@pytest.fixture(scope="session")
def duckdb_delta():
    """A connection to DuckDB with its delta extension, in UTC."""
    import duckdb
    import duckdb_extension_delta
    folders = list(duckdb_extension_delta.__path__)
    found = [f for d in folders for f in glob.glob(f"{glob.escape(d)}/extensions/*/*")]
    assert found, f"no extension in {folders}"
    db = duckdb.connect(config={"allow_unsigned_extensions": True})
    db.execute(f"LOAD {sql_text(found[0])}")
    db.execute("SET TimeZone = 'UTC'")
    yield db
    db.close()


@pytest.fixture(scope="session")
def read_duckdb(duckdb_delta):
    """read(path, version=None): the rows as a pyarrow table, by DuckDB's delta extension."""
    def read(path, version=None):
        at = "" if version is None else f", version => {int(version)}"
        sql = f"SELECT * FROM delta_scan({sql_text(path)}{at})"
        return duckdb_delta.execute(sql).to_arrow_table()
    return read


def sql_text(value):
    return "'" + str(value).replace("'", "''") + "'"
