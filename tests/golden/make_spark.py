"""Makes tests/golden/spark: small tables by Spark and Delta, and what Spark itself reads from them.

    build/venv-spark/bin/python tests/golden/make_spark.py [NAME…]

Run by hand when a table is added; the results are kept in the repository, so that the tests need no
Spark. Each function below makes one table; its docstring says what the table is for (README.md is made
from these). NAME.tar.gz holds table/ and, for each version V, expected/vV.parquet, where the feed is on
expected/changes-A-B.parquet, and row-ids.parquet where row tracking is on. Variants are kept as JSON
text.
"""

import gzip
import json
import os
import shutil
import sys
import tarfile

from spark_session import start

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "spark")
TABLES = {}


def table(**what):
    """what: feed=(from, to) of a change feed to keep; row_ids; versions: only these are read."""

    def enter(make):
        TABLES[make.__name__] = (make, what)
        return make

    return enter


# ---- deletion vectors

DV = "'delta.enableDeletionVectors' = 'true'"


@table()
def dv_partitioned(q, t):
    """Deletion vectors in partitions with odd values, updates over them, a purge at the end."""
    q(f"CREATE TABLE {t} (id INT, p STRING, v DOUBLE) USING delta PARTITIONED BY (p) TBLPROPERTIES ({DV})")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), CASE id % 4 WHEN 0 THEN 'a b/c' WHEN 1 THEN 'x=1%' WHEN 2 THEN NULL ELSE 'ü' END, id / 3 FROM range(200)")
    q(f"DELETE FROM {t} WHERE id % 7 = 0")
    q(f"UPDATE {t} SET v = -1 WHERE id % 11 = 0")
    q(f"DELETE FROM {t} WHERE p = 'ü' AND id < 100")
    q(f"REORG TABLE {t} APPLY (PURGE)")


@table()
def dv_all_rows_of_a_file(q, t):
    """A deletion vector that names each row of its file; rows come back by RESTORE."""
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ({DV})")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT) FROM range(0, 50)")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT) FROM range(50, 100)")
    q(f"DELETE FROM {t} WHERE id < 25")
    q(f"DELETE FROM {t} WHERE id < 60")
    q(f"RESTORE TABLE {t} TO VERSION AS OF 3")


@table(versions=[4])
def dv_large(q, t):
    """200,000 rows with bitmaps of every kind of container: dense, sparse, runs."""
    q(f"CREATE TABLE {t} (id BIGINT) USING delta TBLPROPERTIES ({DV})")
    q(f"INSERT INTO {t} SELECT /*+ COALESCE(1) */ id FROM range(200000)")
    q(f"DELETE FROM {t} WHERE id % 2 = 0 AND id < 65536")
    q(f"DELETE FROM {t} WHERE id BETWEEN 70000 AND 120000")
    q(f"DELETE FROM {t} WHERE id % 9973 = 5")


@table(feed=(0, 5))
def dv_merge_feed(q, t):
    """MERGE with deletion vectors and the change feed on: cdc files and vectors side by side."""
    q(f"CREATE TABLE {t} (id INT, v STRING) USING delta TBLPROPERTIES ({DV}, 'delta.enableChangeDataFeed' = 'true')")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), CONCAT('a', id) FROM range(40)")
    q(f"MERGE INTO {t} USING (SELECT CAST(id AS INT) id, CONCAT('b', id) v FROM range(30, 50)) s ON {t}.id = s.id WHEN MATCHED AND s.id % 2 = 0 THEN UPDATE SET * WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT *")
    q(f"DELETE FROM {t} WHERE id < 5")
    q(f"UPDATE {t} SET v = NULL WHERE id = 10")
    q(f"OPTIMIZE {t}")


# ---- column mapping

NAME = "'delta.columnMapping.mode' = 'name'"


@table()
def mapping_enabled_later(q, t):
    """Files from before name mapping was turned on, then renames, drops and adds, nested ones too."""
    q(f"CREATE TABLE {t} (id INT, old STRING, s STRUCT<a: INT, b: STRUCT<c: STRING, d: INT>>) USING delta")
    q(f"INSERT INTO {t} VALUES (1, 'x', named_struct('a', 1, 'b', named_struct('c', 'p', 'd', 7)))")
    q(f"ALTER TABLE {t} SET TBLPROPERTIES ('delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5', {NAME})")
    q(f"ALTER TABLE {t} RENAME COLUMN old TO `new name, (odd)`")
    q(f"ALTER TABLE {t} RENAME COLUMN s.b.c TO see")
    q(f"INSERT INTO {t} VALUES (2, 'y', named_struct('a', 2, 'b', named_struct('see', 'q', 'd', 8)))")
    q(f"ALTER TABLE {t} DROP COLUMN s.a")
    q(f"ALTER TABLE {t} ADD COLUMN old DATE AFTER id")
    q(f"INSERT INTO {t} VALUES (3, DATE '2024-02-29', 'z', named_struct('b', named_struct('see', 'r', 'd', 9)))")
    q(f"ALTER TABLE {t} ADD COLUMN s.e ARRAY<STRUCT<f: INT>>")
    q(f"INSERT INTO {t} VALUES (4, NULL, NULL, named_struct('b', NULL, 'e', array(named_struct('f', 1), NULL)))")


@table()
def mapping_nested(q, t):
    """Renamed members inside arrays and maps of structs."""
    q(f"CREATE TABLE {t} (a ARRAY<STRUCT<x: INT, y: STRING>>, m MAP<STRUCT<k: INT>, STRUCT<v: STRING>>) USING delta TBLPROPERTIES ({NAME})")
    q(f"INSERT INTO {t} VALUES (array(named_struct('x', 1, 'y', 'one'), NULL), map(named_struct('k', 1), named_struct('v', 'w')))")
    q(f"ALTER TABLE {t} RENAME COLUMN a.element.x TO renamed")
    q(f"ALTER TABLE {t} RENAME COLUMN m.value.v TO worth")
    q(f"ALTER TABLE {t} RENAME COLUMN m.key.k TO code")
    q(f"ALTER TABLE {t} ADD COLUMN a.element.z DOUBLE")
    q(f"INSERT INTO {t} VALUES (array(named_struct('renamed', 2, 'y', 'two', 'z', 0.5)), map(named_struct('code', 2), named_struct('worth', 'v'), named_struct('code', 3), NULL))")


@table(feed=(0, 3))
def mapping_id_partitioned(q, t):
    """Id mode from the start, partitioned, deletion vectors and the change feed."""
    q(f"CREATE TABLE {t} (id INT, part DATE, v STRING) USING delta PARTITIONED BY (part) TBLPROPERTIES ('delta.columnMapping.mode' = 'id', {DV}, 'delta.enableChangeDataFeed' = 'true')")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), DATE_ADD(DATE '2024-01-01', CAST(id % 3 AS INT)), CONCAT('v', id) FROM range(30)")
    q(f"DELETE FROM {t} WHERE id % 5 = 0")
    q(f"UPDATE {t} SET v = 'changed' WHERE id = 7")
    q(f"ALTER TABLE {t} RENAME COLUMN part TO day")
    q(f"ALTER TABLE {t} RENAME COLUMN v TO value")


@table()
def mapping_dropped_and_added_again(q, t):
    """A column dropped and added again under its name: the old values must not come back."""
    q(f"CREATE TABLE {t} (id INT, c STRING) USING delta TBLPROPERTIES ({NAME})")
    q(f"INSERT INTO {t} VALUES (1, 'old')")
    q(f"ALTER TABLE {t} DROP COLUMN c")
    q(f"ALTER TABLE {t} ADD COLUMN c STRING")
    q(f"INSERT INTO {t} VALUES (2, 'new')")


# ---- types

WIDEN = "'delta.enableTypeWidening' = 'true'"


@table()
def type_widening(q, t):
    """Each widening that Delta has, at the top and nested, over files of each form."""
    q(f"CREATE TABLE {t} (b TINYINT, s SMALLINT, i INT, f FLOAT, d DECIMAL(5, 2), i2d INT, i2x INT, dt DATE, n STRUCT<x: TINYINT, y: ARRAY<SMALLINT>>, m MAP<SMALLINT, FLOAT>) USING delta TBLPROPERTIES ({WIDEN}, 'delta.feature.timestampNtz' = 'supported')")
    q(f"INSERT INTO {t} VALUES (1, 2, 3, CAST(1.5 AS FLOAT), 123.45, 6, 7, DATE '2024-02-29', named_struct('x', 8, 'y', array(9, NULL)), map(10, 0.1)), (-128, -32768, -2147483648, CAST('NaN' AS FLOAT), -999.99, 0, 0, DATE '0001-01-01', NULL, NULL)")
    for column, kind in [("b", "SMALLINT"), ("s", "INT"), ("i", "BIGINT"), ("f", "DOUBLE"), ("d", "DECIMAL(10, 4)"), ("i2d", "DOUBLE"), ("i2x", "DECIMAL(12, 2)"), ("dt", "TIMESTAMP_NTZ"), ("n.x", "INT"), ("n.y.element", "INT"), ("m.key", "BIGINT"), ("m.value", "DOUBLE")]:
        q(f"ALTER TABLE {t} ALTER COLUMN {column} TYPE {kind}")
    q(f"INSERT INTO {t} VALUES (300, 70000, 5000000000, 1e300, 123456.7891, 0.25, 12.34, TIMESTAMP_NTZ '2024-02-29 12:34:56.789', named_struct('x', 70000, 'y', array(70001)), map(5000000000, 1e300))")
    q(f"ALTER TABLE {t} ALTER COLUMN b TYPE BIGINT")


@table()
def type_widening_partition(q, t):
    """A partition column that was widened, and stats of both forms."""
    q(f"CREATE TABLE {t} (p SMALLINT, v INT) USING delta PARTITIONED BY (p) TBLPROPERTIES ({WIDEN})")
    q(f"INSERT INTO {t} VALUES (1, 10), (-5, 11)")
    q(f"ALTER TABLE {t} ALTER COLUMN p TYPE BIGINT")
    q(f"ALTER TABLE {t} ALTER COLUMN v TYPE BIGINT")
    q(f"INSERT INTO {t} VALUES (5000000000, 5000000001)")


@table()
def variants(q, t):
    """Variants of each kind, null and JSON null, nested in structs and arrays."""
    q(f"CREATE TABLE {t} (id INT, v VARIANT, s STRUCT<v: VARIANT>, a ARRAY<VARIANT>) USING delta")
    q(f"""INSERT INTO {t} SELECT 1, parse_json('{{"a": 1, "b": [true, null, 1.5, "x"], "c": {{"d": "2024-01-01"}}}}'), named_struct('v', parse_json('7')), array(parse_json('"t"'), NULL)""")
    q(f"INSERT INTO {t} SELECT 2, parse_json('null'), NULL, NULL UNION ALL SELECT 3, NULL, named_struct('v', NULL), array()")
    q(f"INSERT INTO {t} SELECT 4, CAST(DATE '2024-02-29' AS VARIANT), named_struct('v', CAST(1.25BD AS VARIANT)), array(CAST(TIMESTAMP '2024-01-01 10:00:00Z' AS VARIANT), CAST(12345678901234 AS VARIANT), CAST(CAST(0.5 AS DOUBLE) AS VARIANT))")


@table()
def all_types(q, t):
    """Each primitive type with its ends, null, and nested types with missing parts."""
    q(f"CREATE TABLE {t} (b BOOLEAN, i1 TINYINT, i2 SMALLINT, i4 INT, i8 BIGINT, f FLOAT, d DOUBLE, x DECIMAL(38, 18), s STRING, y BINARY, dt DATE, ts TIMESTAMP, nt TIMESTAMP_NTZ, a ARRAY<ARRAY<INT>>, m MAP<STRING, ARRAY<DATE>>, st STRUCT<x: STRUCT<y: TIMESTAMP>>) USING delta TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')")
    q(f"INSERT INTO {t} VALUES (true, 127, 32767, 2147483647, 9223372036854775807, 3.4028235e38, 1.7976931348623157e308, 99999999999999999999.999999999999999999, 'ü\\n\"', X'00FF', DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999999Z', TIMESTAMP_NTZ '9999-12-31 23:59:59.999999', array(array(1, NULL), NULL, array()), map('k', array(DATE '2024-01-01', NULL), '', NULL), named_struct('x', named_struct('y', TIMESTAMP '2024-07-01 10:00:00.000001Z')))")
    q(f"INSERT INTO {t} VALUES (false, -128, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', -0.000000000000000001, '', X'', DATE '0001-01-01', TIMESTAMP '0001-01-01 00:00:00Z', TIMESTAMP_NTZ '1582-10-01 00:00:00', array(), map(), named_struct('x', NULL))")
    q(f"INSERT INTO {t} VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")


@table()
def partition_types(q, t):
    """Partition columns of each type that has a text form, null and odd characters."""
    q(f"CREATE TABLE {t} (v INT, b BOOLEAN, i BIGINT, d DOUBLE, x DECIMAL(10, 3), s STRING, dt DATE, ts TIMESTAMP, nt TIMESTAMP_NTZ) USING delta PARTITIONED BY (b, i, d, x, s, dt, ts, nt) TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')")
    q(f"INSERT INTO {t} VALUES (1, true, -1, 0.5D, -1.250, 'a/b=c d%25', DATE '2024-02-29', TIMESTAMP '2024-01-01 10:00:00.123456Z', TIMESTAMP_NTZ '2024-01-01 10:00:00.5'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, false, 9223372036854775807, CAST('Infinity' AS DOUBLE), 9999999.999, '', DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59Z', TIMESTAMP_NTZ '1900-01-01 00:00:00')")


@table()
def void_column(q, t):
    """A column of type void beside another."""
    q(f"CREATE TABLE {t} (id INT, n VOID) USING delta")
    q(f"INSERT INTO {t} (id) VALUES (1), (2)")


@table()
def schema_over_time(q, t):
    """Columns added at the front, nested fields added in structs, arrays and maps, reordered."""
    q(f"CREATE TABLE {t} (id INT, s STRUCT<a: INT>, l ARRAY<STRUCT<a: INT>>, m MAP<STRING, STRUCT<a: INT>>) USING delta")
    q(f"INSERT INTO {t} VALUES (1, named_struct('a', 1), array(named_struct('a', 2)), map('k', named_struct('a', 3)))")
    q(f"ALTER TABLE {t} ADD COLUMN first STRING FIRST")
    q(f"ALTER TABLE {t} ADD COLUMNS (s.b STRING, l.element.b STRING, m.value.b STRING FIRST)")
    q(f"INSERT INTO {t} VALUES ('f', 2, named_struct('a', 4, 'b', 'x'), array(named_struct('a', 5, 'b', 'y')), map('k', named_struct('b', 'z', 'a', 6)))")
    q(f"ALTER TABLE {t} ALTER COLUMN id AFTER m")


# ---- checkpoints and logs

V2 = "'delta.checkpointPolicy' = 'v2'"


@table()
def checkpoint_v2_sidecars(q, t):
    """V2 checkpoints with two sidecars, deletion vectors, a txn and a domain in them."""
    q("SET spark.databricks.delta.checkpoint.partSize = 3")
    q(f"CREATE TABLE {t} (id INT, c INT) USING delta CLUSTER BY (c) TBLPROPERTIES ({V2}, {DV}, 'delta.checkpointInterval' = '4')")
    for i in range(6):
        q(f"INSERT INTO {t} SELECT CAST(id AS INT), {i} FROM range({i * 10}, {i * 10 + 10})")
    q(f"DELETE FROM {t} WHERE id % 3 = 0")
    q(f"INSERT INTO {t} VALUES (1000, 7)")
    q(f"DELETE FROM {t} WHERE id % 7 = 0")
    q("RESET spark.databricks.delta.checkpoint.partSize")


@table()
def checkpoint_v2_json(q, t):
    """The top-level file of a V2 checkpoint as JSON."""
    q("SET spark.databricks.delta.checkpointV2.topLevelFileFormat = json")
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ({V2}, 'delta.checkpointInterval' = '2')")
    for i in range(5):
        q(f"INSERT INTO {t} VALUES ({i})")
    q("RESET spark.databricks.delta.checkpointV2.topLevelFileFormat")


@table()
def checkpoint_parts(q, t):
    """A classic checkpoint in several parts."""
    q("SET spark.databricks.delta.checkpoint.partSize = 2")
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '5')")
    for i in range(6):
        q(f"INSERT INTO {t} VALUES ({i})")
    q("RESET spark.databricks.delta.checkpoint.partSize")


@table()
def checkpoint_stats_as_struct(q, t):
    """Stats and partition values as structs in the checkpoint, and no JSON stats."""
    q(f"CREATE TABLE {t} (id INT, s STRING, n STRUCT<ts: TIMESTAMP, x: DECIMAL(10, 2)>, p DATE) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.checkpoint.writeStatsAsJson' = 'false', 'delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpointInterval' = '3')")
    for i in range(4):
        q(f"INSERT INTO {t} VALUES ({i}, 'long text {i} ' || repeat('ü', 40), named_struct('ts', TIMESTAMP '2024-01-0{i + 1} 10:00:00.123456Z', 'x', {i}.25), DATE '2024-01-0{i + 1}')")


@table(versions=[2, 6])
def log_cleaned_up(q, t):
    """Nothing in the log but a checkpoint and what came after it."""
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '2')")
    for i in range(6):
        q(f"INSERT INTO {t} VALUES ({i})")
    for v in (0, 1):
        os.remove(os.path.join(q.path, "_delta_log", f"{v:020}.json"))


# ---- dates of commits, row ids, others

@table()
def in_commit_timestamps_later(q, t):
    """In-commit timestamps turned on in the middle."""
    q(f"CREATE TABLE {t} (id INT) USING delta")
    q(f"INSERT INTO {t} VALUES (1)")
    q(f"ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')")
    q(f"INSERT INTO {t} VALUES (2)")


@table(row_ids=True)
def row_tracking(q, t):
    """Row ids, fresh and kept through updates, merges and an optimize."""
    q(f"CREATE TABLE {t} (id INT, v STRING) USING delta TBLPROPERTIES ('delta.enableRowTracking' = 'true')")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), 'a' FROM range(10)")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), 'b' FROM range(10, 20)")
    q(f"UPDATE {t} SET v = 'u' WHERE id IN (3, 13)")
    q(f"DELETE FROM {t} WHERE id = 5")
    q(f"OPTIMIZE {t}")
    q(f"INSERT INTO {t} VALUES (99, 'z')")


@table(row_ids=True)
def row_tracking_dv(q, t):
    """Row ids with deletion vectors and name mapping."""
    q(f"CREATE TABLE {t} (id INT, v STRING) USING delta TBLPROPERTIES ('delta.enableRowTracking' = 'true', {DV}, {NAME})")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT), 'a' FROM range(10)")
    q(f"DELETE FROM {t} WHERE id IN (2, 3)")
    q(f"UPDATE {t} SET v = 'u' WHERE id = 4")


@table(feed=(0, 4))
def feed_partitioned_evolving(q, t):
    """The change feed over partitions, a column added on the way, an overwrite of a partition."""
    q(f"CREATE TABLE {t} (id INT, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    q(f"INSERT INTO {t} VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    q(f"ALTER TABLE {t} ADD COLUMN extra DOUBLE")
    q(f"INSERT INTO {t} REPLACE WHERE p = 'a' VALUES (10, 'a', 1.5), (11, 'a', NULL)")
    q(f"UPDATE {t} SET p = 'c' WHERE p = 'b'")


@table()
def columns_with_rules(q, t):
    """Generated, identity and default columns, constraints: readers see plain columns."""
    q(f"CREATE TABLE {t} (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5), ts TIMESTAMP, day DATE GENERATED ALWAYS AS (CAST(ts AS DATE)), v INT DEFAULT 42 NOT NULL) USING delta PARTITIONED BY (day) TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')")
    q(f"ALTER TABLE {t} ADD CONSTRAINT positive CHECK (v > 0)")
    q(f"INSERT INTO {t} (ts) VALUES (TIMESTAMP '2024-01-01 10:00:00Z'), (TIMESTAMP '2024-01-02 10:00:00Z')")
    q(f"INSERT INTO {t} (ts, v) VALUES (TIMESTAMP '2024-01-02 23:59:59.999Z', 7)")


@table()
def vacuum_protocol_check(q, t):
    """vacuumProtocolCheck and domain metadata: nothing that a reader does differently."""
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ('delta.feature.vacuumProtocolCheck' = 'supported', 'delta.feature.domainMetadata' = 'supported')")
    q(f"INSERT INTO {t} VALUES (1)")


@table()
def checkpoint_protection(q, t):
    """A feature dropped the new way: checkpointProtection in the protocol."""
    q(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ({DV})")
    q(f"INSERT INTO {t} SELECT CAST(id AS INT) FROM range(10)")
    q(f"DELETE FROM {t} WHERE id = 3")
    q(f"ALTER TABLE {t} DROP FEATURE deletionVectors")


@table()
def iceberg_compat(q, t):
    """icebergCompatV2 with name mapping: field ids in nested types too."""
    q(f"CREATE TABLE {t} (id INT, a ARRAY<STRING>, m MAP<STRING, INT>) USING delta TBLPROPERTIES ({NAME}, 'delta.enableIcebergCompatV2' = 'true')")
    q(f"INSERT INTO {t} VALUES (1, array('x', NULL), map('k', 1))")


@table()
def names_that_differ_by_case(q, t):
    """Column names in mixed case, with dots, blanks and quotes."""
    q(f"CREATE TABLE {t} (`Id` INT, `a.b` STRING, `c d` STRUCT<`E.f`: INT>, `g\"h'` INT) USING delta TBLPROPERTIES ({NAME})")
    q(f"INSERT INTO {t} VALUES (1, 'x', named_struct('E.f', 2), 3)")


# ---- running

class Query:
    def __init__(self, spark, path):
        self.spark, self.path = spark, path

    def __call__(self, text):
        return self.spark.sql(text)


def plain(frame):
    """Variants as JSON text, void as INT; wherever they are at the top or in structs and arrays."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import ArrayType, NullType, StructType, VariantType

    def turn(column, kind):
        if isinstance(kind, VariantType):
            return f.to_json(column)
        if isinstance(kind, NullType):
            return column.cast("int")  # as Parquet writers have it
        if isinstance(kind, StructType) and any(isinstance(x.dataType, VariantType) for x in kind):
            made = f.struct(*[turn(column[x.name], x.dataType).alias(x.name) for x in kind])
            return f.when(column.isNotNull(), made)
        if isinstance(kind, ArrayType) and isinstance(kind.elementType, VariantType):
            return f.transform(column, lambda x: turn(x, kind.elementType))
        return column

    return frame.select(*[turn(f.col("`%s`" % x.name.replace("`", "``")), x.dataType).alias(x.name) for x in frame.schema])


def keep(frame, folder, name):
    """One Parquet file of a frame, whatever the names of its columns are."""
    temp = os.path.join(folder, "tmp")
    # The tables have Spark's own INT96; what is expected tells instants from times without a zone.
    frame.sparkSession.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    frame.coalesce(1).write.mode("overwrite").option("compression", "snappy").parquet(temp)
    part = next(x for x in os.listdir(temp) if x.endswith(".parquet"))
    shutil.move(os.path.join(temp, part), os.path.join(folder, name + ".parquet"))
    shutil.rmtree(temp)
    frame.sparkSession.conf.unset("spark.sql.parquet.outputTimestampType")


def make_one(spark, name):
    make, what = TABLES[name]
    home = os.path.join(OUT, name)
    shutil.rmtree(home, ignore_errors=True)
    path, expected = os.path.join(home, "table"), os.path.join(home, "expected")
    os.makedirs(expected)
    make(Query(spark, path), f"delta.`{path}`")
    log = os.path.join(path, "_delta_log")
    last = max(int(x[:20]) for x in os.listdir(log) if x[:20].isdigit() and x.endswith(".json") and len(x) == 25)
    case = {"what": make.__doc__.strip(), "versions": []}
    for version in what.get("versions", range(last + 1)):
        frame = spark.read.format("delta").option("versionAsOf", version).load(path)
        keep(plain(frame), expected, f"v{version}")
        case["versions"].append(version)
    if "feed" in what:
        first, to = what["feed"]
        frame = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", first).option("endingVersion", to).load(path)
        keep(frame.drop("_commit_timestamp"), expected, f"changes-{first}-{to}")
        case["feed"] = [first, to]
    if what.get("row_ids"):
        frame = spark.read.format("delta").load(path)
        keep(frame.selectExpr("*", "_metadata.row_id _row_id", "_metadata.row_commit_version _row_commit_version"), expected, "row-ids")
        case["row_ids"] = True
    for folder, _, files in os.walk(home):
        for file in files:
            if file.endswith(".crc") and file.startswith("."):
                os.remove(os.path.join(folder, file))
    pack(home)
    return case


def pack(home):
    """The folder becomes an archive that depends on nothing but the files."""

    def anonymous(info):
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    with gzip.GzipFile(home + ".tar.gz", "wb", mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w") as tar:
            for name in ("expected", "table"):
                tar.add(os.path.join(home, name), name, filter=anonymous)
    shutil.rmtree(home)


def main():
    spark = start()
    catalogue = os.path.join(OUT, "catalogue.json")
    cases = json.load(open(catalogue)) if os.path.exists(catalogue) else {}
    failed = []
    for name in sys.argv[1:] or TABLES:
        try:
            cases[name] = make_one(spark, name)
            print("made", name, flush=True)
        except Exception as e:  # the others are still worth making
            failed.append(name)
            print("FAILED", name, str(e)[:600], flush=True)
            cases.pop(name, None)
            shutil.rmtree(os.path.join(OUT, name), ignore_errors=True)
    cases = {name: cases[name] for name in TABLES if name in cases}
    with open(catalogue, "w") as f:
        json.dump(cases, f, indent=1)
        f.write("\n")
    with open(os.path.join(OUT, "README.md"), "w") as f:
        f.write("# Tables by Spark\n\nMade by ../make_spark.py with Spark 4.1.3 and Delta 4.4.0.\n\n")
        f.writelines(f"- **{name}**: {case['what']}\n" for name, case in cases.items())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
