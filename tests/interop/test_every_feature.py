"""Each feature of a writer: on a new table, on one that has rows, written with, dropped again; and after each step the rows
as two independent readers see them."""
import json

import pytest


def p(key, value="true"):
    return ("property", f"delta.{key}={value}")


# name: options of `create` (a property is set by `alter` likewise), features that come with it, what drops it (None: Delta
# has no way back), what has to go first
FEATURES = {
    "appendOnly": ([p("appendOnly")], set(), None, ()),
    "invariants": ([("enable-feature", "invariants")], set(), None, ()),
    "checkConstraints": ([("constraint", "c=id > 0")], {"checkConstraints"}, "checkConstraints", ("--drop-constraint", "c")),
    "generatedColumns": ([("enable-feature", "generatedColumns")], {"generatedColumns"}, None, ()),
    "allowColumnDefaults": ([("enable-feature", "allowColumnDefaults"), ("set-default", "v='d'")], {"allowColumnDefaults"},
                            None, ()),
    "identityColumns": ([("enable-feature", "identityColumns")], {"identityColumns"}, None, ()),
    "changeDataFeed": ([p("enableChangeDataFeed")], {"changeDataFeed"}, None, ()),
    "columnMapping": ([p("columnMapping.mode", "name")], {"columnMapping"}, "columnMapping", ()),
    "typeWidening": ([p("enableTypeWidening"), ("set-type", "n=long")], {"typeWidening"}, "typeWidening", ()),
    "timestampNtz": ([("add-column", "at timestamp_ntz")], {"timestampNtz"}, None, ()),
    "deletionVectors": ([p("enableDeletionVectors")], {"deletionVectors"}, "deletionVectors", ()),
    "rowTracking": ([p("enableRowTracking")], {"rowTracking", "domainMetadata"}, "rowTracking", ()),
    "inCommitTimestamp": ([p("enableInCommitTimestamps")], {"inCommitTimestamp"}, "inCommitTimestamp", ()),
    "domainMetadata": ([("set-domain", "app=x")], {"domainMetadata"}, "domainMetadata", ("--remove-domain", "app")),
    "clustering": ([("cluster-by", "id")], {"clustering", "domainMetadata"}, None, ()),
    "v2Checkpoint": ([p("checkpointPolicy", "v2"), p("checkpointInterval", "2")], {"v2Checkpoint"}, "v2Checkpoint", ()),
    "vacuumProtocolCheck": ([("enable-feature", "vacuumProtocolCheck")], {"vacuumProtocolCheck"}, "vacuumProtocolCheck", ()),
    "materializePartitionColumns": ([p("enableMaterializePartitionColumnsFeature")], {"materializePartitionColumns"},
                                    "materializePartitionColumns", ()),
    "codec": ([p("parquet.compression.codec", "zstd")], set(), None, ()),
}
# DuckDB's extension gives null for partition columns that are mapped; Spark reads them (tests/conformance).
WRONG = {("duckdb", "columnMapping")}


class Table:
    def __init__(self, silt, readers, name):
        self.silt, self.readers, self.name, self.rows, self.n = silt, readers, name, {}, 0

    def write(self):
        """Three more rows."""
        new = {self.n * 3 + i: {"id": self.n * 3 + i, "p": "ab"[i % 2], "n": i, "v": f"v{i}"} for i in (1, 2, 3)}
        self.n += 1
        self.silt.write("rows.ndjson", "".join(json.dumps(r) + "\n" for r in new.values()))
        self.silt("write", "t", "rows.ndjson")
        self.rows.update(new)

    def edit(self):
        if self.name == "appendOnly":
            assert "append-only" in self.silt("delete", "t", "--where", "id = 1", rc=None).err
            return
        last = self.n * 3
        self.silt("update", "t", "--set", "v='new'", "--where", f"id = {last}")
        self.silt("delete", "t", "--where", f"id = {last - 1}")
        self.rows[last]["v"] = "new"
        del self.rows[last - 1]

    def check(self):
        expected = sorted(self.rows.values(), key=lambda r: r["id"])
        mine = [json.loads(x) for x in self.silt("read", "t", "--columns", "id,p,n,v", "--format", "json").out.splitlines()]
        assert sorted(mine, key=lambda r: r["id"]) == expected
        read = 0
        for who, reader in self.readers.items():
            if (who, self.name) in WRONG and "columnMapping" in self.features():
                continue
            try:
                theirs = reader(self.silt.dir / "t")
            except Exception as e: # what a reader doesn't know it has to name
                words = str(e).lower()
                assert any(w in words for w in ("feature", "unsupported", "not supported")), (who, e)
                continue
            theirs = theirs.select(["id", "p", "n", "v"]).to_pylist()
            assert sorted(theirs, key=lambda r: r["id"]) == expected, who
            read += 1
        return read

    def features(self):
        return set(self.silt("show", "t", "--json").json["protocol"]["features"])

    def step(self, *steps):
        return self.silt("alter", "t", *steps)


@pytest.fixture
def table(silt, read_deltalake, read_duckdb, request):
    return Table(silt, {"deltalake": read_deltalake, "duckdb": read_duckdb}, request.param)


def create(table, options):
    columns, given, later = "id long, p string, n int, v string", [], []
    for option, value in options:
        if option in ("set-type", "set-default", "add-column"): # of a table that is there
            later += [f"--{option}", value]
        else:
            given += [f"--{option}", value]
    table.silt("create", "t", "--schema", columns, *(() if table.name == "clustering" else ("--partition-by", "p")), *given)
    if later:
        table.step(*later)


def drop(table, feature, first):
    before = table.features()
    steps = ("--drop-feature", feature, "--yes")
    table.step(*first, *steps)
    after = table.features()
    assert feature not in after and before - {feature} <= after | {"checkpointProtection"}
    assert table.check() == 2, "who knew the table without it knows it again"
    table.write()
    table.edit()
    assert table.check() == 2


@pytest.mark.parametrize("table", FEATURES, indirect=True)
def test_of_a_new_table(table):
    options, features, feature, first = FEATURES[table.name]
    create(table, options)
    assert features <= table.features()
    table.write()
    table.edit()
    table.write()
    assert table.check() >= (0 if features else 2)
    if feature:
        drop(table, feature, first)


@pytest.mark.parametrize("table", FEATURES, indirect=True)
def test_of_a_table_with_rows(table):
    options, features, feature, first = FEATURES[table.name]
    create(table, [])
    table.write()
    table.edit() if table.name != "appendOnly" else table.write()
    names = {"property": "set-property", "constraint": "add-constraint"}
    said = table.step(*(x for option, value in options for x in (f"--{names.get(option, option)}", value))).out
    assert features <= table.features()
    for name in features: # dependencies, too
        assert f"feature + {name}\n" in said
    table.check()
    table.write()
    table.edit()
    assert table.check() >= (0 if features else 2)
    if feature:
        drop(table, feature, first)
