"""Whether conformance/log_rules.py, which judges the logs of the matrix, sees what is wrong: a table that keeps the rules, and
the same with one thing changed."""
import json
import shutil

import pytest

from conformance.log_rules import broken_rules
from conftest import Silt


@pytest.fixture(scope="module")
def table(silt_binary, tmp_path_factory):
    silt = Silt(silt_binary, tmp_path_factory.mktemp("rules"))
    silt.write("rows.json", "".join(f'{{"id":{i},"p":"{i % 2}","x":0.1}}\n' for i in range(8)))
    silt("create", "t", "--schema", "id long, p string, x float", "--partition-by", "p", "--set-domain", "my.own=text", *(
        x for name in ("DeletionVectors", "ChangeDataFeed", "RowTracking", "InCommitTimestamps", "TypeWidening")
        for x in ("--property", f"delta.enable{name}=true")), "--property", "delta.columnMapping.mode=name")
    silt("write", "t", "rows.json", "--app-id", "a", "--txn-version", 1)
    silt("delete", "t", "--where", "id = 2")
    silt("update", "t", "--set", "p = '1'", "--where", "id = 4")
    silt("alter", "t", "--set-type", "x=double", "--remove-domain", "my.own")
    silt("optimize", "t", "--purge")
    silt("checkpoint", "t")
    assert not broken_rules(silt.dir / "t")
    return silt.dir / "t"


def of(kind, change):
    """A change of the first action of that kind in a commit; what it gives are the lines in its place."""
    def apply(lines):
        at = next(i for i, line in enumerate(lines) if kind in line)
        lines[at:at + 1] = change(lines[at][kind]) or [lines[at]]
    return apply


def schema(change):
    def apply(metadata):
        made = json.loads(metadata["schemaString"])
        change({f["name"]: f for f in made["fields"]})
        metadata["schemaString"] = json.dumps(made)
    return of("metaData", apply)


CHANGES = {
    "an action twice": (1, lambda lines: lines.append(next(x for x in lines if "add" in x)), "add twice"),
    "another protocol": (0, of("protocol", lambda p: p["readerFeatures"].remove("deletionVectors")), "readers aren't told"),
    "a feature that is missing": (0, of("protocol", lambda p: p["writerFeatures"].remove("changeDataFeed")), "used without"),
    "a column id twice": (0, schema(lambda f: f["x"]["metadata"].update({"delta.columnMapping.id": 1})), "column ids"),
    "another physical name": (4, schema(lambda f: f["x"]["metadata"].update({"delta.columnMapping.physicalName": "x"})), "others were"),
    "no type change": (4, schema(lambda f: f["x"].update({"type": "string"})), "its last change was to"),
    "the highest column id": (4, of("metaData", lambda m: m["configuration"].update({"delta.columnMapping.maxColumnId": "2"})), "goes back"),
    "a time before": (2, of("commitInfo", lambda c: c.update(inCommitTimestamp=1)), "in-commit timestamp"),
    "commitInfo behind": (1, lambda lines: lines.append(lines.pop(0)), "the first action is"),
    "a domain as it wasn't": (4, of("domainMetadata", lambda d: d.update(configuration="")), "takes away"),
    "row ids given already": (3, of("add", lambda a: a.update(baseRowId=a["baseRowId"] - 1)), "row ids"),
    "row ids above the highest": (1, of("domainMetadata", lambda d: d.update(configuration='{"rowIdHighWaterMark":1}')), "the highest is 1"),
    "no value of a partition": (1, of("add", lambda a: a["partitionValues"].clear()), "partition values"),
    "a name that isn't physical": (1, of("add", lambda a: a.update(partitionValues={"p": "0"})), "partition values"),
    "no URI": (1, of("add", lambda a: a.update(path="p=a b/x")), "no URI"),
    "a remove of nobody's": (2, of("remove", lambda r: r.update(path="other.parquet")), "isn't there so"),
    "a remove of other ids": (2, of("remove", lambda r: r.update(baseRowId=77)), "isn't what was added"),
    "no remove": (2, of("remove", lambda r: [{"txn": {"appId": "b", "version": 0}}]), "is there twice"),
    "a vector of other rows": (2, of("add", lambda a: a["deletionVector"].update(sizeInBytes=3)), "sizeInBytes"),
    "a vector of no rows": (2, of("add", lambda a: a["deletionVector"].update(cardinality=0)), "cardinality"),
    "a txn again": (2, lambda lines: lines.append({"txn": {"appId": "a", "version": 1}}), "goes back"),
    "not what the checkpoint has": (5, of("add", lambda a: a.update(tags={"a": "b"})), "(checkpoint): files"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_wrong_is_seen(table, tmp_path, name):
    version, change, words = CHANGES[name]
    shutil.copytree(table, tmp_path / "t")
    commit = tmp_path / f"t/_delta_log/{version:020}.json"
    lines = [json.loads(line) for line in commit.read_text().splitlines()]
    change(lines)
    commit.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = broken_rules(tmp_path / "t")
    assert any(words in problem for problem in found), found


@pytest.mark.parametrize("change", [{"numFiles": 9}, {"tableSizeBytes": 9}, {"inCommitTimestampOpt": 9}, {"domainMetadata": []},
                                    {"setTransactions": []}, {"protocol": {}}, {"metadata": {}}])
def test_checksums(table, tmp_path, change):
    shutil.copytree(table, tmp_path / "t")
    crc = tmp_path / "t/_delta_log/00000000000000000003.crc"
    crc.write_text(json.dumps({**json.loads(crc.read_text()), **change}))
    assert any(".crc" in problem for problem in broken_rules(tmp_path / "t"))
