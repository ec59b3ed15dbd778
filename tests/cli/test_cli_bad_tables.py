"""Tables that are broken in each way a log, a checkpoint, a deletion vector or a data file can be:
an error that says table, version, file and what to do, and never fewer rows or wrong ones."""
import json
import struct
import time
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
FEATURES = ["deletionVectors", "v2Checkpoint"]
PROTOCOL_3 = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": FEATURES,
                           "writerFeatures": FEATURES}}
COMMANDS = ("read", "files", "show", "history")
DV = "deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin"
CHECKPOINT = "_delta_log/00000000000000000001.checkpoint.parquet"


def metadata(fields=("id",), **more):
    schema = {"type": "struct", "fields": [{"name": n, "type": "long", "nullable": True,
                                            "metadata": {}} for n in fields]}
    return {"metaData": {"id": "m", "format": {"provider": "parquet", "options": {}},
                         "schemaString": json.dumps(schema), "partitionColumns": [],
                         "configuration": {}, **more}}


def commit_name(version):
    return f"_delta_log/{version:020}.json"


class Table:
    """Three versions of a table t: 10 rows in a.parquet, 10 more in b.parquet, a txn."""

    def __init__(self, silt, protocol=PROTOCOL):
        self.silt, self.dir = silt, silt.dir / "t"
        (self.dir / "_delta_log").mkdir(parents=True)
        self.commit(0, protocol, metadata(), self.data("a.parquet", range(10)))
        self.commit(1, self.data("b.parquet", range(10, 20)))
        self.commit(2, {"txn": {"appId": "x", "version": 1}})

    def data(self, name, ids, **more):
        path = self.dir / name
        pq.write_table(pa.table({"id": pa.array(ids, pa.int64())}), path)
        return {"add": {"path": name, "partitionValues": {}, "size": path.stat().st_size,
                        "modificationTime": 1, "dataChange": True,
                        "stats": json.dumps({"numRecords": len(ids)}), **more}}

    def commit(self, version, *actions):
        lines = [a if isinstance(a, str) else json.dumps(a) for a in actions]
        self.write(commit_name(version), "".join(line + "\n" for line in lines))

    def write(self, name, content):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def drop(self, *names):
        for name in names:
            (self.dir / name).unlink()

    def cut(self, name, size):
        self.write(name, (self.dir / name).read_bytes()[:size])

    def run(self, command, *more, rc=0):
        """Within bounded time; what goes wrong is told on stderr, nothing of the result before."""
        began = time.monotonic()
        result = self.silt(command, "t", *more, rc=rc)
        assert time.monotonic() - began < 300
        return result

    def ids(self, *more):
        out = self.run("read", *more, "--format", "csv", "--no-header").out
        return sorted(int(line) for line in out.split())

    def refused(self, command, *words, more=()):
        """Exit status 1, no rows, each of the words in the message, and what to do."""
        result = self.run(command, *more, rc=1)
        assert result.out == "", result
        for word in ("t: ", "  hint: ", *words):
            assert word in result.err, f"no {word!r} in: {result}"
        return result


@pytest.fixture
def table(silt):
    return Table(silt)


def vector(rows, high=0):
    """The data of a deletion vector of few rows."""
    return (struct.pack("<IQI", 1681511377, 1, high) + struct.pack("<IIHHI", 12346, 1, 0,
            len(rows) - 1, 16) + b"".join(struct.pack("<H", r) for r in rows))


def in_file(data):
    return b"\x01" + struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))


def descriptor(data, count, **more):
    return {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1,
            "sizeInBytes": len(data), "cardinality": count, **more}


@pytest.fixture
def deleted(silt):
    """The same with rows 2 and 5 of a.parquet deleted in version 3."""
    t = Table(silt, PROTOCOL_3)
    data = vector([2, 5])
    t.write(DV, in_file(data))
    t.delete = lambda d: t.commit(3, {"remove": {"path": "a.parquet", "dataChange": True}},
                                  t.data("a.parquet", range(10), deletionVector=d))
    t.delete(descriptor(data, 2))
    return t


# ---- whole tables, so that what is refused below is refused for its damage --------------------------


def test_the_table_is_whole(table):
    assert table.ids() == list(range(20))
    for command in COMMANDS:
        table.run(command)


def test_the_table_with_deleted_rows_is_whole(deleted):
    assert deleted.ids() == [i for i in range(20) if i not in (2, 5)]
    assert deleted.ids("--version", 2) == list(range(20))
    for command in COMMANDS:
        deleted.run(command)


# ---- the log ----------------------------------------------------------------------------------------

BROKEN_COMMITS = {
    "garbage": "\x00\x01garbage",
    "cut off": '{"add":{"path":"c.parquet","partitionVal',
    "no object": "[1,2]",
    "wrong kind": '{"add":{"path":7}}',
    "no path": '{"add":{"partitionValues":{},"size":1}}',
    "two actions": '{"txn":{"appId":"a","version":1},"remove":{"path":"a.parquet"}}',
    "a member twice": '{"remove":{"path":"a.parquet","path":"b.parquet","dataChange":true}}',
    "not UTF-8": b'{"txn":{"appId":"\xff\xfe","version":1}}\n',
    "deep": '{"later":' + "[" * 1001 + "]" * 1001 + "}",
    "too large a number": '{"txn":{"appId":"a","version":99999999999999999999}}',
}


@pytest.mark.parametrize("what", BROKEN_COMMITS)
def test_a_broken_commit(table, what):
    text = BROKEN_COMMITS[what]
    table.write(commit_name(2), text if isinstance(text, bytes) else text + "\n")
    for command in ("read", "files", "show"):
        table.refused(command, "00000000000000000002.json", "line 1")
    assert table.ids("--version", 1) == list(range(20))


def test_json_nested_to_the_limit_is_read(table):
    """What readers needn't know they pass over, however deep it is."""
    table.commit(2, '{"later":' + "[" * 990 + "]" * 990 + "}")
    assert table.ids() == list(range(20))


def test_a_gap(table):
    table.drop(commit_name(1))
    for command in ("read", "files", "show"):
        table.refused(command, "1")


def test_no_protocol_and_no_metadata(table):
    table.commit(0, metadata())
    for command in ("read", "files", "show"):
        table.refused(command, "protocol")
    table.commit(0, PROTOCOL)
    for command in ("read", "files", "show"):
        table.refused(command, "metaData")


def test_no_table(silt):
    for command in COMMANDS:
        result = silt(command, "nowhere", rc=1)
        assert "nowhere" in result.err and result.out == ""


@pytest.mark.parametrize("path", ["../outside.parquet", "x/../../outside.parquet",
                                  "%2e%2e/outside.parquet", "..%2foutside.parquet"])
def test_a_path_that_leads_out_of_the_table(table, path):
    pq.write_table(pa.table({"id": [99]}), table.dir.parent / "outside.parquet")
    add = table.data("c.parquet", range(3))
    add["add"]["path"] = path
    table.commit(2, add)
    table.refused("read", path, "out of the table")
    assert "outside.parquet" in table.run("files").out # names, as the log has them


@pytest.mark.parametrize("path", ["a%zz.parquet", "a%00.parquet", ""])
def test_a_path_that_is_none(table, path):
    add = table.data("c.parquet", range(3))
    add["add"]["path"] = path
    table.commit(2, add)
    table.refused("read", "path")


def test_a_schema_that_is_none(table):
    for schema in ("{", "[]", '{"type":"struct"}', '"long"', '{"type":"struct","fields":[{"name":"a"}]}'):
        table.commit(2, metadata(schemaString=schema))
        table.refused("read")
        table.refused("show")


def test_a_schema_that_is_too_deep(table):
    deep = '{"type":"array","containsNull":true,"elementType":' * 150 + '"long"' + "}" * 150
    table.commit(2, metadata(schemaString='{"type":"struct","fields":[{"name":"a","nullable":true,'
                                          '"metadata":{},"type":' + deep + "}]}"))
    table.refused("read", "100")


def test_a_million_columns(table):
    table.commit(2, metadata([f"c{i}" for i in range(1_000_000)]))
    assert table.run("files").out.split() == ["b.parquet", "a.parquet"]
    table.refused("read", "1000000 columns are too many", "version 2")
    read = table.run("read", "--columns", "c999999", "--limit", 1, "--format", "csv", "--no-header")
    assert read.out == "\n"


def test_a_partition_value_of_another_type(table):
    add = table.data("c.parquet", range(3))
    add["add"]["partitionValues"] = {"p": "no number"}
    gone = [{"remove": {"path": name, "dataChange": True}} for name in ("a.parquet", "b.parquet")]
    table.commit(2, metadata(["id", "p"], partitionColumns=["p"]), add, *gone)
    table.refused("read", "no number", "c.parquet")


# ---- checkpoints ------------------------------------------------------------------------------------


def checkpoint(table):
    """Version 1 stands in a checkpoint alone."""
    add = pa.struct([("path", pa.string()), ("partitionValues", pa.map_(pa.string(), pa.string())),
                     ("size", pa.int64()), ("modificationTime", pa.int64()),
                     ("dataChange", pa.bool_()), ("stats", pa.string())])
    rows = [PROTOCOL, metadata(), table.data("a.parquet", range(10)),
            table.data("b.parquet", range(10, 20))]
    for row in rows:
        if "add" in row:
            row["add"]["partitionValues"] = []
        if "metaData" in row:
            row["metaData"].pop("configuration")
            row["metaData"]["format"].pop("options")
    names = ("protocol", "metaData", "add")
    columns = {n: [r.get(n) for r in rows] for n in names}
    pq.write_table(pa.table({"protocol": pa.array(columns["protocol"]),
                             "metaData": pa.array(columns["metaData"]),
                             "add": pa.array(columns["add"], add)}), table.dir / CHECKPOINT)
    table.drop(commit_name(0), commit_name(1))


def test_the_checkpoint_is_whole(table):
    checkpoint(table)
    assert table.ids() == list(range(20))


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "middle"])
def test_a_broken_checkpoint(table, damage):
    checkpoint(table)
    body = bytearray((table.dir / CHECKPOINT).read_bytes())
    middle = len(body) // 2
    body[middle:middle + 200] = bytes(200)
    table.write(CHECKPOINT, {"cut": bytes(body[:middle]), "garbage": b"PAR1 no Parquet PAR1",
                             "empty": b"", "middle": bytes(body)}[damage])
    for command in ("read", "files", "show"):
        table.refused(command, "00000000000000000001.checkpoint.parquet")


def test_a_missing_checkpoint(table):
    checkpoint(table)
    table.write("_delta_log/_last_checkpoint", '{"version":1,"size":4}')
    table.drop(CHECKPOINT)
    for command in ("read", "files", "show"):
        table.refused(command, "2")


def manifest(table, *lines, size=10):
    """Version 3 stands in a V2 checkpoint in JSON alone, which names a sidecar."""
    name = "_delta_log/00000000000000000003.checkpoint.61d16c75-6994-46b7-a15b-8b538852e50e.json"
    body = [{"checkpointMetadata": {"version": 3}}, PROTOCOL_3, metadata(),
            table.data("a.parquet", range(10)),
            {"sidecar": {"path": "s.parquet", "sizeInBytes": size, "modificationTime": 1}}]
    table.write(name, "".join(json.dumps(line) + "\n" for line in body) + "".join(lines))
    for version in range(3):
        table.drop(commit_name(version))
    table.commit(3, {"txn": {"appId": "x", "version": 2}})


def test_a_missing_sidecar(table):
    manifest(table)
    for command in ("read", "files"):
        table.refused(command, "s.parquet")


def test_a_broken_sidecar(table):
    manifest(table)
    table.write("_delta_log/_sidecars/s.parquet", b"PAR1 no Parquet")
    for command in ("read", "files"):
        table.refused(command, "s.parquet")


def test_a_sidecar_out_of_its_folder(table):
    manifest(table, '{"sidecar":{"path":"../../../x.parquet","sizeInBytes":1,"modificationTime":1}}\n')
    pq.write_table(pa.table({"add": pa.array([None], pa.struct([("path", pa.string())]))}),
                   table.dir / "_delta_log/s.parquet")
    table.write("_delta_log/_sidecars/s.parquet", (table.dir / "_delta_log/s.parquet").read_bytes())
    for command in ("read", "files"):
        table.refused(command, "../../../x.parquet")


SIDECAR = pa.struct([("path", pa.string()), ("partitionValues", pa.map_(pa.string(), pa.string())),
                     ("size", pa.int64()), ("modificationTime", pa.int64()),
                     ("dataChange", pa.bool_())])


def sidecar(table):
    add = {**table.data("b.parquet", range(10, 20))["add"], "partitionValues": []}
    path = table.dir / "_delta_log/_sidecars/s.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"add": pa.array([add], SIDECAR)}), path)
    return path.stat().st_size


def test_the_manifest_is_whole(table):
    manifest(table, size=sidecar(table))
    assert table.ids() == list(range(20))


def test_a_broken_manifest(table):
    manifest(table, '{"add":{"pa\n', size=sidecar(table))
    for command in ("read", "files", "show"):
        table.refused(command, "00000000000000000003.checkpoint.61d16c75")


# ---- what only helps: never believed where it is wrong ----------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "null", '{"version":-7}', '{"version":999}',
                                  '{"version":1e400}', '{"version":"1"}', "\x00" * 100])
def test_a_wrong_hint(table, text):
    table.write("_delta_log/_last_checkpoint", text)
    assert table.ids() == list(range(20))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"numFiles":-1,"tableSizeBytes":"x"}', "\x00" * 100])
def test_a_wrong_crc(table, text):
    table.write("_delta_log/00000000000000000002.crc", text)
    assert table.ids() == list(range(20))
    table.run("show")


# ---- data files -------------------------------------------------------------------------------------


def test_a_missing_data_file(table):
    table.drop("b.parquet")
    table.refused("read", "b.parquet", "version 2")
    assert table.ids("--version", 0) == list(range(10))
    assert "b.parquet" in table.run("files").out


@pytest.mark.parametrize("damage", ["cut", "head", "none", "empty", "folder"])
def test_a_broken_data_file(table, damage):
    if damage == "cut":
        table.cut("b.parquet", 100)
    elif damage == "folder":
        table.drop("b.parquet")
        (table.dir / "b.parquet").mkdir()
    else:
        body = (table.dir / "b.parquet").read_bytes()
        table.write("b.parquet", {"head": body[:4] + bytes(60) + body[64:], "none": b"id\n1\n2\n",
                                  "empty": b""}[damage])
    table.refused("read", "b.parquet", "version 2")
    for command in ("files", "show", "history"):
        table.run(command)


def test_a_data_file_of_other_types(table):
    pq.write_table(pa.table({"id": ["a", "b"]}), table.dir / "b.parquet")
    table.refused("read", "b.parquet")


# ---- deletion vectors -------------------------------------------------------------------------------


def test_a_missing_deletion_vector(deleted):
    deleted.drop(DV)
    deleted.refused("read", DV, "version 3")
    assert deleted.ids("--version", 2) == list(range(20))


LIES = {
    "cardinality": ({"count": 3}, "cardinality"),
    "size": ({"sizeInBytes": 35}, "sizeInBytes"),
    "offset": ({"offset": 3}, "offset"),
    "type": ({"storageType": "x"}, "storageType"),
    "text": ({"pathOrInlineDv": "short"}, "20 characters"),
    "prefix": ({"pathOrInlineDv": "../vBn[lx{q8@P<9BNH/isA"}, "prefix"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_descriptor_that_lies(deleted, what):
    more, word = LIES[what]
    more = dict(more)
    deleted.delete(descriptor(vector([2, 5]), more.pop("count", 2), **more))
    deleted.refused("read", word, "version 3")


def test_a_deletion_vector_beyond_the_file(deleted):
    data = vector([2, 10])
    deleted.write(DV, in_file(data))
    deleted.refused("read", DV, "row 10")


@pytest.mark.parametrize("damage", ["cut", "checksum", "version", "magic", "unsorted", "empty"])
def test_a_broken_deletion_vector(deleted, damage):
    data = vector([2, 5])
    body = {"cut": in_file(data)[:20], "checksum": in_file(data)[:-1] + b"\x00",
            "version": b"\x02" + in_file(data)[1:], "magic": in_file(b"\x00" + data[1:]),
            "unsorted": in_file(vector([5, 2])), "empty": b""}[damage]
    deleted.write(DV, body)
    deleted.refused("read", DV, "version 3")
