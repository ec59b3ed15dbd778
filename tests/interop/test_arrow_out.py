"""Arrow out of queries and scans, as pyarrow reads it: each type, as an IPC stream and by the C interface."""
import ctypes
import datetime
import decimal

import deltalake
import pyarrow as pa
import pyarrow.ipc
import pytest

UTC = datetime.timezone.utc
D = decimal.Decimal


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table with each type and nulls, in two files; what pyarrow has of it."""
    path = str(tmp_path_factory.mktemp("arrow") / "it's a table")
    at = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    rows = pa.table({
        "id": pa.array([1, 2, 3], pa.int64()),
        "b": pa.array([True, None, False]),
        "i8": pa.array([-128, None, 127], pa.int8()),
        "i16": pa.array([-32768, None, 32767], pa.int16()),
        "i32": pa.array([-2**31, None, 2**31 - 1], pa.int32()),
        "f": pa.array([float("-inf"), None, 1.5], pa.float32()),
        "d": pa.array([float("inf"), None, -0.1], pa.float64()),
        "dec": pa.array([D("-99999999999999999999999999999999.999999"), None, D("0.000001")], pa.decimal128(38, 6)),
        "s": pa.array(["", None, "ü" * 40]),
        "bin": pa.array([b"", None, b"\x00\xff" * 20], pa.binary()),
        "day": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
        "ts": pa.array([at.replace(tzinfo=UTC), None, datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)],
                       pa.timestamp("us", "UTC")),
        "ntz": pa.array([at, None, at], pa.timestamp("us")),
        "st": pa.array([{"x": 1, "y": ["p", None]}, None, {"x": None, "y": []}],
                       pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))])),
        "m": pa.array([[("k", D("1.50"))], None, []], pa.map_(pa.string(), pa.decimal128(5, 2))),
    })
    deltalake.write_deltalake(path, rows.slice(0, 2))
    deltalake.write_deltalake(path, rows.slice(2), mode="append")
    return path, rows


def by_id(table):
    return sorted(table.to_pylist(), key=lambda row: row["id"])


@pytest.mark.parametrize("how", ["sql", "read"])
def test_each_type_as_an_ipc_stream(silt, table, how):
    path, rows = table
    what = f"FROM delta('{path.replace(chr(39), chr(39) * 2)}')" if how == "sql" else path
    silt(how, what, "--format", "arrow", "--output", "all.arrow")
    got = pa.ipc.open_stream(silt.dir / "all.arrow").read_all()
    got.validate(full=True)
    assert got.schema.remove_metadata().equals(rows.schema), got.schema
    assert by_id(got) == by_id(rows)
    silt(how, what, "--format", "arrow", "--view-types", "--output", "view.arrow")
    got = pa.ipc.open_stream(silt.dir / "view.arrow").read_all()
    got.validate(full=True)
    assert got.schema.field("s").type == pa.string_view() and got.schema.field("bin").type == pa.binary_view()
    assert by_id(got) == by_id(rows)


def test_a_query_without_rows_has_its_schema(silt, table):
    path = table[0].replace("'", "''")
    silt("sql", f"SELECT id, s FROM delta('{path}') WHERE id > 9", "--format", "arrow", "--output", "no.arrow")
    got = pa.ipc.open_stream(silt.dir / "no.arrow").read_all()
    assert got.num_rows == 0 and got.schema.names == ["id", "s"]


class Engine:
    """The few calls of libsilt that make a stream."""

    def __init__(self, library):
        self.lib = ctypes.CDLL(str(library))
        self.engine = ctypes.c_void_p()
        self.call("silt_engine_open", None, ctypes.byref(self.engine), None)

    def call(self, name, *args):
        status = getattr(self.lib, name)(*args)
        assert status == 0, f"{name}: status {status}"

    def stream(self, sql):
        scan, stream = ctypes.c_void_p(), (ctypes.c_void_p * 5)()
        self.call("silt_sql_open", self.engine, sql.encode(), None, ctypes.byref(scan), None)
        self.call("silt_scan_stream", scan, ctypes.byref(stream), None)
        reader = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
        return reader, scan

    def free(self, scan):
        self.lib.silt_scan_free(scan)

    def close(self):
        self.lib.silt_engine_free(self.engine)


@pytest.fixture
def engine(silt_binary):
    library = silt_binary.parent / "libsilt.so"
    if not library.exists() or silt_binary.read_bytes().find(b"__asan_init") >= 0:
        pytest.skip("needs libsilt.so without sanitizers beside the command")
    engine = Engine(library)
    yield engine
    engine.close()


def test_streams_by_the_c_interface(engine, table):
    path, rows = table
    quoted = path.replace("'", "''")
    all_of_it, first = engine.stream(f"FROM delta('{quoted}')")
    some, second = engine.stream(f"SELECT i FROM range(100000) t(i) JOIN delta('{quoted}') ON id < 3")
    assert some.read_next_batch().num_rows > 0  # the other is still open
    got = all_of_it.read_all()
    got.validate(full=True)
    assert got.schema.remove_metadata().equals(rows.schema) and by_id(got) == by_id(rows)
    some.close()  # before its end
    engine.free(first)
    engine.free(second)
    failing, scan = engine.stream(
        "SELECT CAST(CASE WHEN i = 2999999 THEN 'x' ELSE '1' END AS INTEGER) FROM range(3000000) t(i)")
    with pytest.raises(Exception, match="Could not convert"):
        failing.read_all()
    del failing
    engine.free(scan)
