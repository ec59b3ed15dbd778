"""The matrix as pytest has it: all chains that are asked for, two at a time, and what is asserted of each cell."""
import re
from concurrent.futures import ThreadPoolExecutor

import deltalake
import pyarrow

from conformance.matrix import AFTER_SPARK, FEATURES, applies, limits, refusal
from conformance.matrix_chain import Chain
from conformance.matrix_operations import ALL, run
from conftest import Silt, sql_text

CELLS = [cell for cell in ((feature, operation) for feature in FEATURES for operation in ALL) if applies(cell)]


def duckdb_readers(db):
    """Rows, and counts by conditions, by connections of their own."""
    def query(path, version, what, more=""):
        cursor = db.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        at = "" if version is None else f", version => {int(version)}"
        return cursor.execute(f"SELECT {what} FROM delta_scan({sql_text(path)}{at}){more}").to_arrow_table()

    def counts(path, conditions):
        spelled = [c.replace("`", '"').replace("= TIMESTAMP '", "= TIMESTAMPTZ '").replace("TIMESTAMP_NTZ", "TIMESTAMP")
                   for c in conditions]
        return [query(path, None, "count(*) AS n", f" WHERE {c}")["n"][0].as_py() for c in spelled]
    return lambda path, version=None: query(path, version, "*"), counts


def deltalake_counts(path, conditions):
    engine = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(path))
    spelled = [c.replace("`", '"').replace("TIMESTAMP_NTZ", "TIMESTAMP") for c in conditions]
    return [pyarrow.table(engine.execute(f"SELECT count(*) AS n FROM t WHERE {c}"))["n"][0].as_py() for c in spelled]


def run_chains(request, silt_binary, folder, read_deltalake, duckdb_delta, spark=None):
    """The chains that selected tests ask of, by feature; or what stopped one."""
    rows, counts = duckdb_readers(duckdb_delta)
    readers, points = {"deltalake": read_deltalake, "DuckDB": rows}, {"deltalake": deltalake_counts, "DuckDB": counts}
    names = {item.callspec.params["feature"] for item in request.session.items
             if item.module is request.module and "feature" in getattr(getattr(item, "callspec", None), "params", ())}

    def one(name):
        home = folder / re.sub("[^a-zA-Z]", "_", name)
        home.mkdir()
        turn = list(FEATURES).index(name)
        try:
            return run(Chain(FEATURES[name], Silt(silt_binary, home), readers, points, limits(name), spark, turn))
        except Exception as e: # of one table: the others go on
            return e
    with ThreadPoolExecutor(2) as two:
        chosen = [name for name in FEATURES if name in names]
        return dict(zip(chosen, two.map(one, chosen)))


def assert_cell(chains, feature, operation):
    chain = chains[feature]
    if isinstance(chain, Exception):
        raise chain
    cells = [c for c in chain.cells if c.operation == operation]
    assert cells, "the chain ended before"
    why = refusal(feature, operation)
    for cell in cells:
        assert not cell.problems, f"{feature}, {operation}:\n" + "\n".join(cell.problems)
        if not why and chain.spark and AFTER_SPARK.get(feature, "\n") in (cell.refused or ""):
            continue
        assert bool(cell.refused) == bool(why), f"refused: {cell.refused}; was to be: {why}"
        assert not why or why in cell.refused
