"""silt alter --drop-feature, of features that show in files, checkpoints and history: what is left has no trace of them."""
import json
import os
import time

import pytest


def write(silt, rows, path="t"):
    silt.write("rows.ndjson", "".join(json.dumps(r) + "\n" for r in rows))
    silt("write", path, "rows.ndjson")


def read(silt, *options, path="t"):
    lines = silt("read", path, "--format", "json", *options).out.splitlines()
    return sorted((json.loads(line) for line in lines), key=json.dumps)


def drop(silt, feature, *options, path="t", rc=0):
    return silt("alter", path, "--drop-feature", feature, "--yes", *options, rc=rc)


def show(silt, path="t"):
    return silt("show", path, "--json").json


def actions(silt, version, path="t"):
    text = (silt.dir / path / f"_delta_log/{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def operations(silt, path="t"):
    lines = silt("history", path, "--json").out.splitlines()
    return [json.loads(line)["operation"] for line in lines]


def age(silt, days, path="t"):
    """The log as if it were older."""
    then = time.time() - days * 86400
    for f in (silt.dir / path / "_delta_log").rglob("*"):
        if f.is_file():
            os.utime(f, (then, then))


def vectors(silt):
    silt("create", "t", "--schema", "id long, p string", "--partition-by", "p", "--property",
         "delta.enableDeletionVectors=true")
    write(silt, [{"id": i, "p": "ab"[i % 2]} for i in range(20)])
    silt("delete", "t", "--where", "id in (1, 2)")
    silt("delete", "t", "--where", "id = 3")


def test_deletion_vectors(silt):
    vectors(silt)
    rows, before = read(silt), show(silt)["version"]
    dry = drop(silt, "deletionVectors", "--dry-run", "--json")
    assert dry.json["outcome"] == "unchanged" and dry.json["rewritten_files"] == 2
    assert show(silt)["version"] == before
    r = drop(silt, "deletionVectors", "--json")
    assert r.json["changes"] == dry.json["changes"] and "2 files were written anew" in r.err
    assert r.json["committed_version"] == before + 2 and r.json["rewritten_files"] == 2
    s = show(silt)
    assert s["protocol"] == {"min_reader_version": 1, "min_writer_version": 7,
                             "features": ["appendOnly", "checkpointProtection", "invariants"]}
    assert s["properties"] == {"delta.requireCheckpointProtectionBeforeVersion": str(before + 2)}
    assert read(silt) == rows and operations(silt)[:2] == ["DROP FEATURE", "REORG"]
    cleaned = actions(silt, before + 1)
    assert not any(a["add"].get("deletionVector") or a["add"]["dataChange"] for a in cleaned if "add" in a)
    removed = [a["remove"] for a in cleaned if "remove" in a]
    tombs = {x["path"] for x in removed if x["path"].endswith(".bin")}
    there = {f.name for f in (silt.dir / "t").glob("deletion_vector_*.bin")}
    assert tombs == there and len(there) == 2, "also of vectors that had been replaced"
    assert not any(x["dataChange"] for x in removed)
    for version in (before + 1, before + 2):
        assert (silt.dir / f"t/_delta_log/{version:020}.checkpoint.parquet").exists()
    assert len(read(silt, "--version", str(before - 2))) == 20
    silt("doctor", "t")
    silt("vacuum", "t")
    assert {f.name for f in (silt.dir / "t").glob("deletion_vector_*.bin")} == there
    silt("delete", "t", "--where", "id = 4")
    assert len(read(silt)) == 16 and len(read(silt, "--version", str(before))) == 17
    assert "doesn't have the feature deletionVectors" in drop(silt, "deletionVectors", rc=1).err


def test_what_a_crash_left_is_gone_on_with(silt):
    """After the commit that rids the files of it: the table is whole, and the call does the rest."""
    vectors(silt)
    before = show(silt)["version"]
    drop(silt, "deletionVectors")
    rows = read(silt)
    log = silt.dir / "t/_delta_log"
    for f in [*log.glob(f"{before + 2:020}*"), *log.glob(f"{before + 1:020}.ch*"), log / "_last_checkpoint"]:
        f.unlink()
    assert "deletionVectors" in show(silt)["protocol"]["features"] and read(silt) == rows
    r = drop(silt, "deletionVectors", "--json")
    assert (r.json["committed_version"], r.json["rewritten_files"]) == (before + 2, 0) and read(silt) == rows


def test_column_mapping(silt):
    silt("create", "t", "--schema", "id long, p string, s struct<a:int,l:array<struct<b:string>>>, gone int",
         "--partition-by", "p", "--property", "delta.columnMapping.mode=id", "--property",
         "delta.enableRowTracking=true")
    write(silt, [{"id": 1, "p": "x/y", "s": {"a": 1, "l": [{"b": "q"}]}, "gone": 5}, {"id": 2, "p": None}])
    silt("alter", "t", "--rename-column", "s.a=c", "--rename-column", "p=part", "--drop-column", "gone", "--yes")
    write(silt, [{"id": 3, "part": "z", "s": {"c": 2}}])
    silt("alter", "t", "--add-column", "gone int")
    rows = read(silt, "--row-ids")
    r = drop(silt, "columnMapping", "--json")
    assert r.json["rewritten_files"] == 3
    assert not any(c.startswith("column") for c in r.json["changes"]), "as people see it it is the same"
    s = show(silt)
    assert s["column_mapping"] == "none" and s["protocol"]["min_reader_version"] == 1
    assert "columnMapping" not in json.dumps([s["columns"], s["properties"]])
    assert read(silt, "--row-ids") == rows and all(row["gone"] is None for row in rows)
    assert operations(silt)[:2] == ["DROP FEATURE", "REMOVE COLUMN MAPPING"]
    for a in actions(silt, s["version"] - 1):
        if "add" in a:
            assert list(a["add"]["partitionValues"]) == ["part"] and "col-" not in json.dumps(a["add"])
    write(silt, [{"id": 4, "part": "z"}])
    assert len(read(silt)) == 4
    silt("doctor", "t")


def test_column_mapping_that_renamed_nothing(silt):
    """Its files know the columns by their names: none has to be written anew, as long as none was dropped."""
    for name, steps, rewritten in (("t", ["--add-column", "x int"], 1), ("u", [], 0),
                                   ("v", ["--drop-column", "n", "--yes"], 1)):
        silt("create", name, "--schema", "id long, n int")
        write(silt, [{"id": 1, "n": 2}], name)
        silt("alter", name, "--set-property", "delta.columnMapping.mode=name", *steps)
        rows = read(silt, path=name)
        assert drop(silt, "columnMapping", "--json", path=name).json["rewritten_files"] == rewritten, name
        assert read(silt, path=name) == rows
        if name == "v":
            silt("alter", name, "--add-column", "n int")
            assert read(silt, path=name) == [{"id": 1, "n": None}]


def test_names_that_only_column_mapping_allows(silt):
    silt("create", "t", "--schema", "id long, s struct<`a b`:int>", "--property", "delta.columnMapping.mode=name")
    r = drop(silt, "columnMapping", rc=2)
    assert "s.`a b` can't be called so without column mapping" in r.err and "rename it first" in r.err
    silt("alter", "t", "--rename-column", "s.`a b`=ab")
    drop(silt, "columnMapping")


def test_type_widening(silt):
    silt("create", "t", "--schema", "id int, d decimal(5,2), l array<byte>, m map<short,float>, at date", "--property",
         "delta.enableTypeWidening=true")
    row = {"id": 1, "d": 1.5, "l": [1, 2], "m": {"3": 4.5}, "at": "2024-01-01"}
    write(silt, [row])
    silt("alter", "t", "--set-type", "id=long", "--set-type", "d=decimal(10,4)", "--set-type", "l.element=int",
         "--set-type", "m.value=double", "--set-type", "at=timestamp_ntz")
    write(silt, [{**row, "id": 2**40}])
    rows = read(silt)
    r = drop(silt, "typeWidening", "--json")
    assert r.json["rewritten_files"] == 1, "the other file has the types that there are now"
    s = show(silt)
    assert all(c["metadata"] == {} for c in s["columns"]) and "delta.enableTypeWidening" not in s["properties"]
    assert "typeWidening" not in s["protocol"]["features"] and read(silt) == rows
    silt("doctor", "t")


def test_v2_checkpoints(silt):
    silt("create", "t", "--schema", "id long", "--property", "delta.checkpointPolicy=v2")
    write(silt, [{"id": 1}])
    silt("checkpoint", "t")
    log = silt.dir / "t/_delta_log"
    assert [f.name for f in log.glob("*.checkpoint.*")][0].count(".") == 3
    drop(silt, "v2Checkpoint")
    s = show(silt)
    assert s["protocol"]["min_reader_version"] == 1 and "delta.checkpointPolicy" not in s["properties"]
    last = json.loads((log / "_last_checkpoint").read_text())
    assert last["version"] == s["version"] and "v2Checkpoint" not in last
    assert read(silt) == [{"id": 1}]


def test_row_tracking(silt):
    silt("create", "t", "--schema", "id long", "--property", "delta.enableRowTracking=true")
    write(silt, [{"id": 1}])
    drop(silt, "rowTracking")
    s = show(silt)
    assert s["properties"] == {} and s["domains"] == {} and not s["row_tracking"]
    assert s["protocol"]["features"] == ["appendOnly", "domainMetadata", "invariants"]
    adds = [a["add"] for a in actions(silt, s["version"]) if "add" in a]
    assert len(adds) == 1 and "baseRowId" not in adds[0] and adds[0]["dataChange"] is False
    write(silt, [{"id": 2}])
    assert "baseRowId" not in json.dumps(actions(silt, s["version"] + 1))
    drop(silt, "domainMetadata")
    p = show(silt)["protocol"]
    assert (p["min_reader_version"], p["min_writer_version"]) == (1, 2)
    assert read(silt) == [{"id": 1}, {"id": 2}]


def test_the_lowest_protocol_that_is_left(silt):
    silt("create", "t", "--schema", "id long", "--constraint", "c=id > 0", "--property",
         "delta.enableInCommitTimestamps=true", "--enable-feature", "vacuumProtocolCheck", "--enable-feature",
         "v2Checkpoint", "--property", "delta.columnMapping.mode=name")
    silt("alter", "t", "--drop-feature", "inCommitTimestamp", "--drop-feature", "vacuumProtocolCheck", "--yes")
    s = show(silt)
    assert s["protocol"]["min_reader_version"] == 3 and not s["in_commit_timestamps"]
    assert not [k for k in s["properties"] if "ommitTimestamp" in k]
    drop(silt, "v2Checkpoint")
    p = show(silt)["protocol"] # readers know column mapping by their version
    assert (p["min_reader_version"], p["min_writer_version"]) == (2, 7)
    age(silt, 4)
    drop(silt, "checkpointProtection", "--truncate-history")
    p = show(silt)["protocol"]
    assert (p["min_reader_version"], p["min_writer_version"]) == (2, 7) # 5 would bring others with it
    drop(silt, "columnMapping")
    age(silt, 4)
    drop(silt, "checkpointProtection", "--truncate-history")
    p = show(silt)["protocol"]
    assert (p["min_reader_version"], p["min_writer_version"]) == (1, 3)
    assert p["features"] == ["appendOnly", "checkConstraints", "invariants"]


def test_history_is_truncated_instead(silt):
    vectors(silt)
    rows = read(silt)
    r = drop(silt, "deletionVectors", "--truncate-history", rc=1)
    assert "of the versions 0 to 4, which are too young to be deleted" in r.err and "in a day or two" in r.err
    assert "deletionVectors" in show(silt)["protocol"]["features"] and read(silt) == rows
    assert drop(silt, "deletionVectors", "--truncate-history", rc=1).err.count("too young") == 1
    age(silt, 3)
    drop(silt, "deletionVectors", "--truncate-history")
    s = show(silt)
    assert s["protocol"] == {"min_reader_version": 1, "min_writer_version": 2, "features": ["appendOnly", "invariants"]}
    assert s["properties"] == {} and read(silt) == rows
    assert not (silt.dir / "t/_delta_log" / f"{2:020}.json").exists()


def test_protection_goes_with_what_it_protects(silt):
    vectors(silt)
    drop(silt, "deletionVectors")
    rows = read(silt)
    assert "--truncate-history" in drop(silt, "checkpointProtection", rc=2).err
    assert "too young" in drop(silt, "checkpointProtection", "--truncate-history", rc=1).err
    age(silt, 3)
    drop(silt, "checkpointProtection", "--truncate-history")
    s = show(silt)
    assert s["protocol"]["features"] == ["appendOnly", "invariants"] and s["properties"] == {}
    assert read(silt) == rows


@pytest.mark.parametrize("options, said, rc", [
    (["--drop-feature", "deletionVectors", "--comment", "id=x"], "along with other changes", 2),
    (["--drop-feature", "deletionVectors", "--drop-feature", "v2Checkpoint"], "along with other changes", 2),
    (["--drop-feature", "rowTracking", "--truncate-history"], "no history has to be truncated", 2),
    (["--comment", "id=x", "--truncate-history"], "only where a feature is dropped", 2),
    (["--drop-feature", "appendOnly"], "Delta has no way back from it", 1),
    (["--drop-feature", "columnMapping"], "doesn't have the feature", 1),
    (["--drop-feature", "deletionVector"], "did you mean deletionVectors?", 2),
    (["--drop-feature", "domainMetadata"], "rowTracking needs it", 2),
])
def test_what_is_refused(silt, options, said, rc):
    silt("create", "t", "--schema", "id long", "--property", "delta.enableDeletionVectors=true", "--property",
         "delta.checkpointPolicy=v2", "--property", "delta.enableRowTracking=true")
    assert said in silt("alter", "t", *options, "--yes", rc=rc).err
    assert show(silt)["version"] == 0


def test_numbers_are_of_the_commit_that_drops_it(silt):
    vectors(silt)
    number = ("--app-id", "me", "--txn-version", "7", "--json")
    first = drop(silt, "deletionVectors", *number).json
    again = drop(silt, "deletionVectors", *number).json
    assert (again["outcome"], again["committed_version"]) == ("already_done", first["committed_version"])


def test_the_feed_says_nothing_of_it(silt):
    silt("create", "t", "--schema", "id long", "--property", "delta.enableDeletionVectors=true", "--property",
         "delta.enableChangeDataFeed=true")
    write(silt, [{"id": 1}, {"id": 2}])
    silt("delete", "t", "--where", "id = 1")
    version = show(silt)["version"]
    drop(silt, "deletionVectors")
    assert silt("changes", "t", "--from", str(version + 1), "--format", "json").out == ""
