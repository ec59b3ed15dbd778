"""The conformance matrix: which features tables have, what Silt does to them, and what is known of who reads and writes
them. Tests hold every cell to what is declared here, so docs/conformance.md, which `tests/conformance/matrix.py`
writes from it, says what was tested.
"""
import datetime as dt
import sys
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/conformance.md"


def properties(*names):
    """Options of `silt create`; a name alone is a switch of Delta's."""
    pairs = [n if "=" in n else f"delta.enable{n}=true" for n in names]
    return tuple(x for pair in pairs for x in ("--property", pair))


def features(*names):
    return tuple(x for name in names for x in ("--enable-feature", name))


def twice(row):
    return None if row["id"] is None else row["id"] * 2


def day(row):
    return None if row["ts"] is None else row["ts"].date()


NTZ = ("TIMESTAMP_NTZ", lambda row: None if row["id"] % 4 == 0 else dt.datetime(1960, 2, 29, 1, 2, 3, 456_789) +
       dt.timedelta(hours=row["id"]))
GENERATED = {"g": ("BIGINT GENERATED ALWAYS AS (id * 2)", twice), "gd": ("DATE GENERATED ALWAYS AS (CAST(ts AS DATE))", day)}
DEFAULTS = {"df": ("STRING DEFAULT 'none'", lambda row: "none"), "dn": ("INT DEFAULT 40 + 2", lambda row: 42)}
IDENTITY = {"nr": ("BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5)", None)}
CLUSTER = ("--cluster-by", "id,v")
EVERYTHING = ("DeletionVectors", "ChangeDataFeed", "RowTracking", "InCommitTimestamps", "TypeWidening",
              "delta.columnMapping.mode=name", "delta.checkpointPolicy=v2")


class Feature(NamedTuple):
    """A kind of table. `extra` are columns besides those of all: DDL, and the value by the rest of the row, which
    nobody writes (None: any, but never the same twice). `given`: such columns that sources have."""
    create: tuple = ()
    partition_by: tuple = ()
    not_null: tuple = ()
    extra: dict = {}
    given: tuple = ()
    later: tuple = ()  # options of `silt alter` once there are rows


FEATURES = {
    "plain": Feature(),
    "partitioned": Feature(partition_by=("p",)),
    "partitioned by types": Feature(partition_by=("d", "ts", "amount", "ok")),
    "appendOnly": Feature(properties("delta.appendOnly=true")),
    "NOT NULL": Feature(not_null=("id",)),
    "CHECK": Feature(("--constraint", "positive=id > 0", "--constraint", "low=v < 1000000 OR v IS NULL")),
    "generated columns": Feature(extra=GENERATED),
    "generated partitions": Feature(extra=GENERATED, partition_by=("gd",)),
    "defaults": Feature(features("allowColumnDefaults"), extra=DEFAULTS),
    "identity": Feature(extra=IDENTITY),
    "change data feed": Feature(properties("ChangeDataFeed")),
    "feed, partitioned": Feature(properties("ChangeDataFeed"), partition_by=("p",)),
    "column mapping by name": Feature(properties("delta.columnMapping.mode=name")),
    "column mapping by id": Feature(properties("delta.columnMapping.mode=id")),
    "mapping, partitioned": Feature(properties("delta.columnMapping.mode=name"), partition_by=("p", "d")),
    "type widening": Feature(properties("TypeWidening")),
    "timestampNtz": Feature(extra={"tn": NTZ}, given=("tn",)),
    "row tracking": Feature(properties("RowTracking")),
    "in-commit timestamps": Feature(properties("InCommitTimestamps")),
    "domain metadata": Feature(("--set-domain", "matrix=kept, \"as it is\"")),
    "clustering": Feature(CLUSTER),
    "deletion vectors": Feature(properties("DeletionVectors")),
    "vectors, feed, partitioned": Feature(properties("DeletionVectors", "ChangeDataFeed"), partition_by=("p",)),
    "v2Checkpoint": Feature(properties("delta.checkpointPolicy=v2")),
    "statistics as columns": Feature(properties("delta.checkpoint.writeStatsAsStruct=true",
                                                "delta.checkpoint.writeStatsAsJson=false")),
    "vacuumProtocolCheck": Feature(features("vacuumProtocolCheck")),
    "checkpointProtection": Feature(features("checkpointProtection")),
    "materialized partitions": Feature(features("materializePartitionColumns"), partition_by=("p",)),
    "variant": Feature(extra={"vr": ("VARIANT", lambda row: None)}),
    "everything": Feature(properties(*EVERYTHING) + CLUSTER),
    "everything, partitioned": Feature(properties(*EVERYTHING) + ("--constraint", "positive=id > 0"), partition_by=("p",)),
    "everything, later": Feature(later=tuple(
        x for pair in properties("DeletionVectors", "ChangeDataFeed", "RowTracking", "InCommitTimestamps", "TypeWidening",
                                 "delta.columnMapping.mode=name", "delta.checkpointPolicy=v2")[1::2]
        for x in ("--set-property", pair))),
}


class Limit(NamedTuple):
    """What another one can't; `tried`: each run tries whether that still holds, else it isn't even asked."""
    reason: str
    tried: bool = True


NOT_WRITTEN = {  # what deltalake says that it can't write
    "defaults": "allowColumnDefaults", "identity": "identityColumns", "row tracking": "rowTracking",
    "in-commit timestamps": "inCommitTimestamp", "domain metadata": "domainMetadata", "clustering": "clustering",
    "type widening": "typeWidening", "vacuumProtocolCheck": "vacuumProtocolCheck",
    "checkpointProtection": "checkpointProtection", "materialized partitions": "materializePartitionColumns",
    "everything": "rowTracking", "everything, partitioned": "rowTracking", "everything, later": "rowTracking",
}
MAPPED_PARTITIONS = Limit("reads partition columns of mapped tables as null")


def limits(name):
    """What is known not to work with this kind of table: (who, what) to the reason; None is all there is."""
    feature = FEATURES[name]
    found = {("DuckDB", "clone, shallow"): Limit("takes the URL of a file for a relative path")}
    if name in NOT_WRITTEN:
        found["deltalake writes", None] = Limit(f"knows no {NOT_WRITTEN[name]}")
    elif is_mapped(feature):
        found["deltalake writes", "optimize"] = Limit("OPTIMIZE knows no column mapping")
    if "TypeWidening" in options(feature):
        found["deltalake", None] = found["deltalake feed", None] = Limit("knows no typeWidening")
    elif feature.partition_by:
        found["deltalake feed", None] = Limit("looks for files by their names as the log has them, encoded", tried=False)
    if name == "vacuumProtocolCheck":
        found["deltalake", None] = Limit("knows no vacuumProtocolCheck")
    if name == "partitioned by types":
        found["deltalake writes", None] = Limit("writes negative decimals of partitions as -3.-995", tried=False)
    if name == "variant":
        found["DuckDB", None] = Limit("knows no variants")
        found["deltalake writes", None] = Limit("wants values for variants", tried=False)
    if is_mapped(feature) and feature.partition_by:
        found["DuckDB", None] = MAPPED_PARTITIONS
    return found


def options(feature):
    return " ".join((*feature.create, *feature.later))


def is_mapped(feature):
    return "columnMapping" in options(feature)


def refusal(name, operation):
    """None, or words of the message by which Silt refuses an operation on this kind of table."""
    feature = FEATURES[name]
    has = options(feature)
    if operation in ("rename column", "drop column") and not is_mapped(feature):
        return "column mapping makes it possible"
    if operation == "widen type" and "TypeWidening" not in has:
        return "type widening isn't enabled"
    if "appendOnly" in has and operation in CHANGING:
        return "append-only"
    if name == "variant" and operation == "merge":
        return "the source has no column vr"  # which INSERT * stands for too
    if operation == "dynamic overwrite" and not feature.partition_by:
        return "the table isn't partitioned"
    return None


# Files that Spark 4.1 writes have variants annotated as such, whose bytes DuckDB doesn't give: rows of these aren't written anew.
AFTER_SPARK = {"variant": "its variants are annotated as such"}


def applies(cell):
    """Whether a kind of table has such an operation."""
    name, operation = cell
    return operation != "change feed" or "ChangeDataFeed" in options(FEATURES[name])


# Operations that take rows away.
CHANGING = ("upsert", "update", "update, moving rows", "delete", "delete, again", "merge", "replaceWhere",
            "dynamic overwrite", "restore", "overwrite")


# ---- the document

INTRODUCTION = """# Conformance

Written by `tests/conformance/matrix.py`; tests compare it with what they did. Each kind of table below goes through all
operations, one after the other, and after each of them everybody reads: Silt, Delta Lake for Spark, Python deltalake and
DuckDB's delta extension. `make conformance` runs all of it, `make test` all but Spark.

Of each cell is checked:

- **rows**, value by value and column by column, of the newest version, by each reader, against a model in memory;
- **refusals**: exit status 1 or 2, the reason by name, and not a file more or less in the table's folder;
  (a table with variants that Spark has written into is one that Silt doesn't write anew)
- **statistics** of each file that was added: row count, null counts and bounds, against its rows as pyarrow reads them;
- **change data feed**, where it is on: rows before and what the feed tells make the rows afterwards;
- **row ids**, where rows are tracked: each row keeps its own, no two are the same, and Spark reads the same ids and versions;
- **columns and their types**, and the version, as Spark has them;
- **going on**: after every other operation deltalake or Spark inserts, updates, deletes, merges or optimizes, in turn. Then all
  of this is checked again, and Silt's next operation is on what they left. (On partitioned tables beside Spark deltalake only
  reads: it removes Spark's files in `p=ü` by another spelling of their paths, and Spark goes on to read them.)

Once for each table: rows at four older versions, the history (what each operation is called; metrics are numbers), the whole
feed by Spark and deltalake, the rows with the least and the greatest value of each column, found by readers that skip files by
statistics, and `silt doctor --deep`.
"""


def who_reads(name, who):
    found = limits(name)
    reads, writes = found.get((who, None)), [v for (w, _), v in found.items() if w == f"{who} writes"]
    if who == "DuckDB":
        return f"no: {reads.reason}" if reads else "reads"
    if reads:
        return f"no: {reads.reason}"
    some = any(w == f"{who} writes" and kind for w, kind in found)
    return ("reads, writes on, but: " if some else "reads; can't write: " if writes else "reads, writes on") + "; ".join(
        w.reason for w in writes)


def rows_of_operations(operations):
    """Of each operation who refuses it, by reason, and who can't read what it leaves."""
    for operation in operations:
        why = {}
        for name in FEATURES:
            reason = refusal(name, operation)
            if reason:
                why.setdefault(reason, []).append(name)
        refused = "; ".join(f"{one_or_all(names, why)}: *{reason}*" for reason, names in why.items())
        blind = sorted({f"{who.split()[0]}: {v.reason}" for n in FEATURES for (who, what), v in limits(n).items()
                        if (what == operation and " " not in who) or (who == "deltalake feed" and operation == "change feed"
                                                                       and applies((n, operation)))})
        if operation == "change feed":
            refused = "only where it is on"
        yield f"| {operation} | {refused} | {'; '.join(blind)} |"


def one_or_all(names, why):
    return "all others" if len(names) > 12 else ", ".join(names)


def document(operations):
    cells = [(f, o) for f in FEATURES for o in operations if applies((f, o))]
    refused = sum(1 for f, o in cells if refusal(f, o))
    lines = [INTRODUCTION, f"{len(FEATURES)} kinds of tables, {len(operations)} operations and checks: {len(cells)} cells, "
             f"{len(cells) - refused} that work and {refused} that are refused.", "", "## Kinds of tables", "",
             "Spark reads all of them, and writes on.", "",
             "| table | made with | deltalake | DuckDB |", "|---|---|---|---|"]
    for name, feature in FEATURES.items():
        made = [x for x in feature.create if not x.startswith("--")] + [f"{c} {k}" for c, (k, _) in feature.extra.items()]
        made += [f"{x} NOT NULL" for x in feature.not_null] + [x for x in feature.later if not x.startswith("--")]
        made = [f"`{x}`".replace("|", "\\\\|") for x in made]
        if feature.partition_by:
            made.append("partitioned by " + ", ".join(feature.partition_by))
        lines.append(f"| {name} | {', '.join(made)} | {who_reads(name, 'deltalake')} | {who_reads(name, 'DuckDB')} |")
    lines += ["", "## Operations", "", "What isn't said to be refused works, and is read by all who read that kind of table.", "",
              "| operation or check | refused for | isn't read by |", "|---|---|---|", *rows_of_operations(operations), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from conformance.matrix_operations import ALL
    DOCUMENT.write_text(document(ALL))
