"""Tables of Spark with row tracking, in-commit timestamps, domains: Silt appends, what the log promises holds, and other
readers see the rows. Spark itself is asked in tests/conformance."""
import json
import tarfile
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden/spark"


@pytest.fixture
def table(silt):
    """table(NAME): a table of Spark's, unpacked."""
    def unpack(name):
        with tarfile.open(GOLDEN / f"{name}.tar.gz") as tar:
            tar.extractall(silt.dir / name)
        return silt.dir / name / "table"
    return unpack


def append(silt, path, text, n=1, strategy="append", rc=0):
    silt.write(f"in/{n}.csv", text)
    silt.write("silt.json", json.dumps({
        "pipeline": "p", "checkpoint_path": "state",
        "tables": [{"table_name": "t", "source": {"path": "in/*.csv"}, "loading_strategy": strategy, "audit_columns": False,
                    "write": {"path": str(path), **({"keys": ["id"]} if strategy == "upsert" else {})}}]}))
    return silt("run", "--config", "silt.json", rc=rc)


def commits(path):
    return [[json.loads(line) for line in f.read_text().splitlines()] for f in sorted((path / "_delta_log").glob("*.json"))]


def rows(silt, path, *more):
    return sorted(tuple(json.loads(line).values()) for line in silt("read", path, "--json", *more).out.splitlines())


def test_rows_get_ids_above_all_that_were_given(silt, table, read_deltalake, read_duckdb):
    path = table("row_tracking")
    before = rows(silt, path, "--row-ids")
    append(silt, path, "id,v\n200,x\n201,y\n")
    append(silt, path, "id,v\n202,z\n", n=2)
    first, second = commits(path)[-2:]
    adds = [a["add"] for a in first + second if "add" in a]
    domains = [a["domainMetadata"]["configuration"] for a in first + second if "domainMetadata" in a]
    assert [(a["baseRowId"], a["defaultRowCommitVersion"]) for a in adds] == [(60, 6), (62, 7)]
    assert [json.loads(d) for d in domains] == [{"rowIdHighWaterMark": 61}, {"rowIdHighWaterMark": 62}]
    assert first[0]["commitInfo"]["tags"] == {"delta.rowTracking.preserved": "true"}
    assert rows(silt, path, "--row-ids") == sorted(before + [(200, "x", 60, 6), (201, "y", 61, 6), (202, "z", 62, 7)])
    profile = second[0]["commitInfo"]["silt"]["runtimeProfile"]
    assert profile["engine"] == "duckdb" and profile["version"].startswith("v") and profile["memory_limit"] > 0
    for read in (read_deltalake, read_duckdb):
        assert sorted(tuple(r.values()) for r in read(path).to_pylist()) == rows(silt, path)


def test_an_upsert_keeps_row_ids(silt, table):
    path = table("row_tracking")
    ids = ["--row-ids"]
    before = {row[0]: row for row in rows(silt, path, *ids)}
    append(silt, path, "id,v\n1,new\n777,newer\n", strategy="upsert")
    after = {row[0]: row for row in rows(silt, path, *ids)}
    assert set(after) == set(before) | {777}
    given = {row[-2] for row in before.values()}
    for key, row in after.items():
        if key == 777:
            assert row[-2] not in given
        else:
            assert row[-2] == before[key][-2]
            assert (row[-1] == before[key][-1]) == (key != 1) # the version that last changed it


def test_commits_are_dated(silt, table, read_deltalake, read_duckdb):
    path = table("in_commit_timestamps_later")
    append(silt, path, "id\n7\n")
    *_, before, ours = commits(path)
    assert list(ours[0]["commitInfo"])[0] == "inCommitTimestamp"
    assert ours[0]["commitInfo"]["inCommitTimestamp"] > before[0]["commitInfo"]["inCommitTimestamp"]
    crc = json.loads((path / "_delta_log/00000000000000000004.crc").read_text())
    assert crc["inCommitTimestampOpt"] == ours[0]["commitInfo"]["inCommitTimestamp"]
    for read in (read_deltalake, read_duckdb):
        assert sorted(r["id"] for r in read(path).to_pylist()) == [1, 2, 7]


def test_domains_stay(silt, table, read_deltalake):
    path = table("vacuum_protocol_check")
    for n in range(1, 12):
        append(silt, path, f"id\n{n + 1}\n", n=n)
    assert [r[0] for r in rows(silt, path)] == list(range(1, 13))
    assert json.loads((path / "_delta_log/00000000000000000012.crc").read_text())["protocol"]["readerFeatures"] == [
        "vacuumProtocolCheck"]
