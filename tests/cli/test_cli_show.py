"""silt show and silt history: what a log says of a table, in every shape it may have; what is told where it is broken."""
import json
import os
import re
import time

import pytest

PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
SCHEMA = {"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": True, "metadata": {}}]}


def protocol(*features, readers=()):
    return {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": list(readers),
                         "writerFeatures": list(features) + list(readers)}}


def metadata(configuration=None, schema=None, partitions=()):
    schema = SCHEMA if schema is None else schema
    return {"metaData": {"id": "an-id", "format": {"provider": "parquet", "options": {}},
                         "schemaString": schema if isinstance(schema, str) else json.dumps(schema),
                         "partitionColumns": list(partitions), "configuration": configuration or {}}}


def commit(silt, version, *actions, ms=None):
    """A commit; actions are objects or lines as they are."""
    name = f"t/_delta_log/{version:020}.json"
    silt.write(name, "".join((a if isinstance(a, str) else json.dumps(a)) + "\n" for a in actions))
    if ms is not None:
        os.utime(silt.dir / name, ns=(ms * 10**6, ms * 10**6))


# ---- what a table is ------------------------------------------------------------------------------


def test_traits_are_shown(silt):
    commit(silt, 0,
           {"commitInfo": {"inCommitTimestamp": 1700000000123, "operation": "CREATE TABLE"}},
           protocol("rowTracking", "domainMetadata", "clustering", "inCommitTimestamp", readers=["columnMapping"]),
           metadata({"delta.columnMapping.mode": "name", "delta.enableRowTracking": "true",
                     "delta.enableInCommitTimestamps": "true"}),
           {"domainMetadata": {"domain": "delta.clustering", "configuration": "{\"x\":\"y\"}", "removed": False}},
           {"domainMetadata": {"domain": "mine", "configuration": "", "removed": False}},
           {"domainMetadata": {"domain": "gone", "configuration": "", "removed": True}})
    r = silt("show", "t", "--json").json
    assert r["column_mapping"] == "name" and r["row_tracking"] is True and r["in_commit_timestamps"] is True
    assert r["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert r["domains"] == {"delta.clustering": "{\"x\":\"y\"}", "mine": ""}
    assert r["protocol"]["features"] == ["clustering", "columnMapping", "domainMetadata", "inCommitTimestamp",
                                         "rowTracking"]
    out = silt("show", "t").out
    for line in ("Mapping +columns by name", "Rows +tracked", "Times +in commits", "Domains +delta.clustering, mine",
                 "Version +0, of 2023-11-14T22:13:20 UTC"):
        assert re.search(f"^{line}$", out, re.MULTILINE), line


def test_a_plain_table_has_no_traits(silt):
    commit(silt, 0, PROTOCOL, metadata({"delta.columnMapping.mode": "name"})) # which this protocol doesn't know
    r = silt("show", "t", "--json").json
    assert (r["column_mapping"], r["row_tracking"], r["in_commit_timestamps"], r["domains"]) == ("none", False, False, {})
    assert not re.search("^(Mapping|Rows|Times|Domains)", silt("show", "t").out, re.MULTILINE)


# ---- times ----------------------------------------------------------------------------------------


def test_versions_by_time(silt):
    commit(silt, 0, PROTOCOL, metadata(), ms=1704067200000) # 2024
    commit(silt, 1, {"txn": {"appId": "a", "version": 1}}, ms=1704153600000) # a day later
    commit(silt, 2, {"txn": {"appId": "a", "version": 2}}, ms=1704153600000) # at once
    for text, version in (("2024-01-01", 0), ("2024-01-01T23:59:59.999Z", 0), ("2024-01-02", 1),
                          ("2024-01-02T00:00:00.001", 2), ("2024-01-02 02:00+02:00", 1), ("2030-01-01", 2)):
        assert silt("show", "t", "--json", "--timestamp", text).json["version"] == version, text
        assert silt("files", "t", "--timestamp", text).out == ""
    r = silt("show", "t", "--timestamp", "2023-12-31T23:59:59", rc=1)
    assert "2023-12-31T23:59:59.000Z is before the first commit" in r.err and "version 0 of 2024-01-01T" in r.err
    times = [json.loads(line)["timestamp"] for line in silt("history", "t", "--json").out.splitlines()]
    assert times == ["2024-01-02T00:00:00.001Z", "2024-01-02T00:00:00.000Z", "2024-01-01T00:00:00.000Z"]


@pytest.mark.parametrize("text", ["", "now", "2024", "2024-13-01", "2024-01-01T25:00", "1704067200000"])
def test_a_time_that_is_none(silt, text):
    r = silt("show", "t", "--timestamp", text, rc=2)
    assert f'found "{text}"' in r.err and "2024-01-15T10:00:00" in r.err


def test_a_version_and_a_time(silt):
    assert "--version and --timestamp" in silt("show", "t", "--version", "1", "--timestamp", "2024-01-01", rc=2).err


def test_history_prefers_what_commits_say(silt):
    commit(silt, 0, PROTOCOL, metadata(), ms=1704067200000)
    commit(silt, 1, {"commitInfo": {"inCommitTimestamp": 1800000000000, "timestamp": 5}}, ms=10)
    times = [json.loads(line)["timestamp"] for line in silt("history", "t", "--json").out.splitlines()]
    assert times == ["2027-01-15T08:00:00.000Z", "2024-01-01T00:00:00.000Z"]


# ---- what can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("feature", ["catalogManaged", "catalogOwned-preview", "geospatial", "from the future"])
def test_features_are_refused_by_name(silt, feature):
    commit(silt, 0, protocol(readers=[feature]), metadata())
    r = silt("show", "t", rc=1)
    assert f"can't read: table features {feature}" in r.err and "hint: " in r.err and "t: version 0" in r.err


@pytest.mark.parametrize("action, words", [
    ({"protocol": {"minReaderVersion": 9, "minWriterVersion": 9}}, "reader version 9 is not known"),
    ({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7}}, "without readerFeatures"),
    ({"protocol": {"minWriterVersion": 7}}, "minReaderVersion"),
    ({"protocol": {}}, "minReaderVersion"),
    (metadata(schema="{"), "schemaString"),
    (metadata(schema='"long"'), "schemaString isn't a struct"),
    (metadata(schema={"type": "struct", "fields": [{"name": "a", "type": "hyper", "nullable": True, "metadata": {}}]}),
     "hyper"),
    (metadata(partitions=["b"]), "partition column b isn't in the schema"),
    ({"metaData": {"name": "no id"}}, "id"),
    ({"txn": {"appId": "a", "version": 2**70}}, "txn.version"),
    ({"txn": {"appId": "a", "version": "1"}}, "version"),
    ("{\"txn\":{\"appId\":\"a\",\"version\":1}} x", "line 3"),
    ("\u0000\u0001garbage", "line 3"),
    ("{\"add\":", "line 3"),
    ("[" * 1000 + "]" * 1000, "line 3"),
    ("{\"x\":" * 1001 + "1" + "}" * 1001, "nested deeper"),
    ("[" * 3000000, "line 3"),
    ("\xff\xfe", "line 3"),
], ids=range(18))
def test_broken_commits_are_told(silt, action, words):
    commit(silt, 0, PROTOCOL, metadata(), action)
    r = silt("show", "t", rc=1)
    assert words in r.err and "t: version 0: " in r.err and "hint: " in r.err and len(r.err) < 2000, r


def test_what_is_unknown_may_be_deep(silt):
    commit(silt, 0, PROTOCOL, metadata(), "{\"x\":" * 999 + "1" + "}" * 999)
    assert silt("show", "t", "--json").json["version"] == 0


def test_a_log_without_its_start_is_told(silt):
    commit(silt, 0, metadata())
    assert "no protocol action" in silt("show", "t", rc=1).err
    commit(silt, 0, PROTOCOL)
    assert "no metaData action" in silt("show", "t", rc=1).err
    commit(silt, 2, {"commitInfo": {}})
    r = silt("show", "t", rc=1)
    assert "commit 1 is missing, 2 is there" in r.err and f"{1:020}.json" in r.err


def test_a_torn_commit_is_told(silt):
    commit(silt, 0, PROTOCOL, metadata())
    silt.write(f"t/_delta_log/{1:020}.json", "")
    assert "commit 1 is empty" in silt("show", "t", rc=1).err


@pytest.mark.parametrize("text", ["", "{", "[]", "\u0000", "{\"version\": 7}", "{\"version\": -1}", "{\"version\": 1e99}",
                                  "{\"version\": 0, \"parts\": 99999999999}", "[" * 100000])
def test_hints_of_any_kind_do_no_harm(silt, text):
    commit(silt, 0, PROTOCOL, metadata())
    silt.write("t/_delta_log/_last_checkpoint", text)
    assert silt("show", "t", "--json").json["version"] == 0


def test_a_million_columns(silt):
    """Slowly but surely, and in memory that is a small multiple of the commit's."""
    fields = ",".join('{"name":"column %d","type":"long","nullable":true,"metadata":{}}' % i for i in range(10**6))
    names = [f"column {i}" for i in range(0, 10**6, 3)]
    commit(silt, 0, PROTOCOL, metadata(schema='{"type":"struct","fields":[%s]}' % fields, partitions=names))
    started = time.monotonic()
    r = silt("show", "t", "--json").json
    assert len(r["columns"]) == 10**6 and len(r["partition_columns"]) == 333334
    assert time.monotonic() - started < 300
