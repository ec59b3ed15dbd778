"""operationMetrics of each operation have Spark's names (DeltaOperations.scala of Delta 4), all of them and no others,
and what they count adds up with the commit's actions."""
import json

import pytest

WRITE = {"numFiles", "numOutputBytes", "numOutputRows"}
REMOVES = {"numRemovedFiles", "numRemovedBytes"}
VECTORS = {"numDeletionVectorsAdded", "numDeletionVectorsRemoved", "numDeletionVectorsUpdated"}
TIMES = {"executionTimeMs", "scanTimeMs", "rewriteTimeMs"}
EDIT = REMOVES | VECTORS | TIMES | {"numAddedFiles", "numAddedBytes", "numAddedChangeFiles", "numCopiedRows"}
REPLACE_WHERE = WRITE | REMOVES | {"numAddedChangeFiles", "numDeletedRows", "numCopiedRows"}
MERGE = TIMES | {
    "numSourceRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsMatchedUpdated",
    "numTargetRowsNotMatchedBySourceUpdated", "numTargetRowsDeleted", "numTargetRowsMatchedDeleted",
    "numTargetRowsNotMatchedBySourceDeleted", "numTargetRowsCopied", "numTargetBytesAdded", "numTargetBytesRemoved",
    "numOutputRows", "numTargetFilesAdded", "numTargetFilesRemoved", "numTargetChangeFilesAdded",
    "materializeSourceTimeMs", "numTargetDeletionVectorsAdded", "numTargetDeletionVectorsRemoved",
    "numTargetDeletionVectorsUpdated"}
OPTIMIZE = {"numAddedFiles", "numRemovedFiles", "numAddedBytes", "numRemovedBytes", "minFileSize", "p25FileSize",
            "p50FileSize", "p75FileSize", "maxFileSize", "numDeletionVectorsRemoved"}
RESTORE = {"tableSizeAfterRestore", "numOfFilesAfterRestore", "numRemovedFiles", "numRestoredFiles", "removedFilesSize",
           "restoredFilesSize"}
CLONE = {"sourceTableSize", "sourceNumOfFiles", "numRemovedFiles", "numCopiedFiles", "removedFilesSize",
         "copiedFilesSize"}

WHERE = ["--mode", "overwrite", "--where"]
# What is done, the operation's name, the names of its metrics.
CASES = {
    "append": (["write", "t", "new.csv"], "WRITE", WRITE),
    "overwrite": (["write", "t", "new.csv", "--mode", "overwrite"], "WRITE", WRITE | REMOVES),
    "partitions": (["write", "t", "new.csv", "--mode", "overwrite", "--partition-overwrite", "dynamic"], "WRITE",
                   WRITE | REMOVES),
    "replaceWhere": (["write", "t", "new.csv", *WHERE, "id >= 3 AND p = 'a'"], "WRITE", REPLACE_WHERE),
    "delete": (["delete", "t", "--where", "id = 1"], "DELETE", EDIT | {"numDeletedRows"}),
    "update": (["update", "t", "--set", "v=9", "--where", "id = 1"], "UPDATE", EDIT | {"numUpdatedRows"}),
    "merge": (["merge", "t", "new.csv", "--keys", "id", "--when", "MATCHED THEN UPDATE SET *", "--when",
               "NOT MATCHED THEN INSERT *"], "MERGE", MERGE),
    "upsert": (["write", "t", "new.csv", "--mode", "upsert", "--keys", "id"], "MERGE", MERGE),
    "append_once": (["write", "t", "new.csv", "--mode", "append_once", "--keys", "id"], "MERGE", MERGE),
    "as-diff": (["write", "t", "new.csv", "--mode", "overwrite", "--as-diff", "--keys", "id"], "MERGE", MERGE),
    "optimize": (["optimize", "t"], "OPTIMIZE", OPTIMIZE),
    "z-order": (["optimize", "t", "--zorder", "v"], "OPTIMIZE", OPTIMIZE),
    "restore": (["restore", "t", "--version", "1"], "RESTORE", RESTORE),
    "clone": (["clone", "t", "c"], "CLONE", CLONE),
    "shallow clone": (["clone", "t", "c", "--shallow"], "CLONE", CLONE),
    "migrate": (["migrate", "parquet", "c"], "CONVERT", {"numConvertedFiles"}),
    "export": (["export", "t", "c", "--format", "delta"], "CREATE TABLE AS SELECT", WRITE),
    "create": (["create", "c", "--schema", "a long"], "CREATE TABLE", set()),
    "add a column": (["alter", "t", "--add-column", "w long"], "ADD COLUMNS", set()),
    "set a property": (["alter", "t", "--set-property", "x=1"], "SET TBLPROPERTIES", set()),
    "add a constraint": (["alter", "t", "--add-constraint", "c=id > 0"], "ADD CONSTRAINT", set()),
}


@pytest.fixture(params=["plain", "vectors and feed"])
def table(silt, request):
    properties = [] if request.param == "plain" else [
        "--property", "delta.enableDeletionVectors=true", "--property", "delta.enableChangeDataFeed=true"]
    silt("create", "t", "--schema", "id long, p string, v long", "--partition-by", "p", *properties)
    for n in 0, 10:
        silt("write", "t", silt.write(f"{n}.csv", f"id,p,v\n{n + 1},a,1\n{n + 2},b,2\n{n + 3},a,3\n{n + 4},a,4\n"))
    silt.write("new.csv", "id,p,v\n3,a,30\n50,a,50\n")
    (silt.dir / "parquet").mkdir()
    silt("export", "t", "parquet/x.parquet")
    return silt


def newest(silt, table):
    path = max((silt.dir / table / "_delta_log").glob("*.json"))
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_names_are_sparks(table, name):
    args, operation, names = CASES[name]
    table(*args)
    actions = newest(table, "c" if "c" in args else "t")
    info = next(a["commitInfo"] for a in actions if "commitInfo" in a)
    metrics = info.get("operationMetrics", {})
    assert (info["operation"], set(metrics)) == (operation, names)
    assert all(isinstance(v, str) and int(v) >= 0 for v in metrics.values())
    added = [a["add"] for a in actions if "add" in a]
    for of, key in ("numFiles", "numAddedFiles"), ("numTargetFilesAdded", "numTargetFilesAdded"):
        if of in metrics and not any("deletionVector" in a for a in added):
            assert int(metrics[of]) == len(added), of
    if "numOutputBytes" in metrics:
        assert int(metrics["numOutputBytes"]) == sum(a["size"] for a in added if "deletionVector" not in a)


def test_a_vacuum_tells_twice(table):
    table("write", "t", "new.csv", "--mode", "overwrite")
    table("vacuum", "t", "--retention-hours", "0", "--yes")
    entries = table("history", "t", "--json", "--limit", "2").out
    metrics = {e["operation"]: e["operation_metrics"] for e in map(json.loads, entries.splitlines())}
    assert set(metrics["VACUUM START"]) == {"numFilesToDelete", "sizeOfDataToDelete"}
    assert set(metrics["VACUUM END"]) == {"numDeletedFiles", "numVacuumedDirectories"}
    assert int(metrics["VACUUM END"]["numDeletedFiles"]) == int(metrics["VACUUM START"]["numFilesToDelete"]) > 0


def test_a_purge_is_a_reorg(silt):
    silt("create", "t", "--schema", "id long", "--property", "delta.enableDeletionVectors=true")
    silt("write", "t", silt.write("1.csv", "id\n1\n2\n3\n4\n"))
    silt("delete", "t", "--where", "id = 1")
    silt("optimize", "t", "--purge")
    info = next(a["commitInfo"] for a in newest(silt, "t") if "commitInfo" in a)
    assert (info["operation"], set(info["operationMetrics"])) == ("REORG", OPTIMIZE)
