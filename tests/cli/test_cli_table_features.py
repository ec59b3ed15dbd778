"""`features` of a pipeline's table: what a new table gets, and what is asked of one that stands."""
import pytest
from deltalake import DeltaTable

from pipelines import configure

FILES = "pipeline: shop\ncheckpoint_path: state\ntables:\n  - table_name: sales\n    source: {path: \"inbox/*.csv\"}\n"
DELTA = "    write: {path: lake/sales}\n"
# What each is turned on by, where there is a property that does.
SWITCHES = {
    "appendOnly": ("delta.appendOnly", "true"),
    "changeDataFeed": ("delta.enableChangeDataFeed", "true"),
    "columnMapping": ("delta.columnMapping.mode", "name"),
    "deletionVectors": ("delta.enableDeletionVectors", "true"),
    "inCommitTimestamp": ("delta.enableInCommitTimestamps", "true"),
    "materializePartitionColumns": ("delta.enableMaterializePartitionColumnsFeature", "true"),
    "rowTracking": ("delta.enableRowTracking", "true"),
    "typeWidening": ("delta.enableTypeWidening", "true"),
    "v2Checkpoint": ("delta.checkpointPolicy", "v2"),
}


def table(silt, features, more=DELTA):
    configure(silt, FILES + more + (f"    features: [{', '.join(features)}]\n" if features else ""))


def put(silt, name, ids):
    silt.write(f"inbox/{name}.csv", "id,v\n" + "".join(f"{i},x\n" for i in ids))


def load(silt, name, ids, rc=0):
    put(silt, name, ids)
    return silt("run", rc=rc)


def ids(silt):
    return sorted(int(line) for line in silt("read", "lake/sales", "--columns", "id", "--format", "csv", "--no-header").out.split())


@pytest.mark.parametrize("feature", [*SWITCHES, "domainMetadata", "vacuumProtocolCheck", "checkConstraints"])
def test_a_new_table_has_it(silt, feature):
    table(silt, [feature])
    put(silt, "a", [1, 2])
    assert f"feature + {feature}\n" in silt("run", "--dry-run").out
    silt("run")
    put(silt, "b", [3])
    silt("run")
    shown = silt("show", "lake/sales", "--json").json
    assert feature in shown["protocol"]["features"]
    if feature in SWITCHES:
        key, value = SWITCHES[feature]
        assert shown["properties"][key] == value
    assert ids(silt) == [1, 2, 3]
    silt("validate-consistency")


def test_deltalake_finds_the_feed(silt):
    table(silt, ["changeDataFeed", "inCommitTimestamp"])
    load(silt, "a", [1, 2])
    t = DeltaTable(str(silt.dir / "lake/sales"))
    feed = t.load_cdf(starting_version=0).read_all()
    assert sorted(feed["id"].to_pylist()) == [1, 2]
    assert set(t.protocol().writer_features) >= {"changeDataFeed", "inCommitTimestamp"}


def test_the_protocol_of_a_table_that_stands_stays(silt):
    table(silt, [])
    load(silt, "a", [1])
    before = silt("show", "lake/sales", "--json").json
    table(silt, ["rowTracking", "vacuumProtocolCheck"])
    r = load(silt, "b", [2], rc=2)
    assert "wants the feature rowTracking, which the table's protocol (1, 2) doesn't have" in r.out
    assert "silt alter TABLE --set-property delta.enableRowTracking=true does it" in r.out
    assert silt("show", "lake/sales", "--json").json == before
    silt("alter", "lake/sales", "--set-property", "delta.enableRowTracking=true")
    r = silt("run", rc=2)
    assert "silt alter TABLE --enable-feature vacuumProtocolCheck does it" in r.out
    silt("alter", "lake/sales", "--enable-feature", "vacuumProtocolCheck")
    silt("run")
    assert ids(silt) == [1, 2]


def test_a_feature_that_is_allowed_is_turned_on(silt):
    table(silt, [])
    load(silt, "a", [1])
    silt("alter", "lake/sales", "--enable-feature", "changeDataFeed")
    assert "delta.enableChangeDataFeed" not in silt("show", "lake/sales", "--json").json["properties"]
    table(silt, ["changeDataFeed"])
    load(silt, "b", [2])
    assert silt("show", "lake/sales", "--json").json["properties"]["delta.enableChangeDataFeed"] == "true"
    version = silt("show", "lake/sales", "--json").json["version"]
    silt("run")
    assert silt("show", "lake/sales", "--json").json["version"] == version


@pytest.mark.parametrize("features,more,said", [
    (["rowTracing"], DELTA, "there is no table feature rowTracing; did you mean rowTracking?"),
    (["icebergCompatV2"], DELTA, "Silt can't make tables with the feature icebergCompatV2"),
    (["columnMapping"], DELTA + "    schema_policy: {column_mapping_mode: none}\n", "column_mapping_mode is none"),
    (["deletionVectors"], DELTA + "    deletion_vectors: off\n", "deletion_vectors is off"),
    (["rowTracking"], "    write: {path: out, format: parquet}\n", "is for Delta tables"),
    (["rowTracking"], "    write: {connection: db, path: sales, format: sqlite}\n", "they are of Delta tables"),
])
def test_mistakes(silt, features, more, said):
    table(silt, features, more)
    if "connection" in more:
        text = (silt.dir / "silt.yaml").read_text()
        silt.write("silt.yaml", "connections: {db: {path: shop.db}}\n" + text)
    r = silt("check-config", rc=2)
    assert "tables[0].features: " in r.err and said in r.err


def test_a_mapping_by_ids_stays_one(silt):
    table(silt, ["columnMapping"], DELTA + "    schema_policy: {column_mapping_mode: id}\n")
    load(silt, "a", [1])
    table(silt, ["columnMapping"])
    load(silt, "b", [2])
    assert silt("show", "lake/sales", "--json").json["properties"]["delta.columnMapping.mode"] == "id"
    assert ids(silt) == [1, 2]
