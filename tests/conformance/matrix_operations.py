"""The operations of the conformance matrix, in the order in which a table goes through them."""
from conformance.matrix_chain import Do


def append(c):
    rows = c.model.fresh(6)
    return Do(["write", "t", c.source(rows)], rows=c.model.put(rows))


def add_column(c):
    names = {**c.model.names, "extra": "extra"}
    rows = {i: {**row, "extra": None} for i, row in c.model.rows.items()}
    return Do(["alter", "t", "--add-column", "extra STRING COMMENT 'added'"], rows=rows, names=names, kinds={"extra": "STRING"})


def rename_column(c):
    return Do(["alter", "t", "--rename-column", "name=label, of it"], names={**c.model.names, "name": "label, of it"})


def drop_column(c):
    names = {k: v for k, v in c.model.names.items() if k != "raw"}
    rows = {i: {k: v for k, v in row.items() if k != "raw"} for i, row in c.model.rows.items()}
    return Do(["alter", "t", "--drop-column", "raw", "--yes"], rows=rows, names=names)


def widen_type(c):
    return Do(["alter", "t", "--set-type", "v=BIGINT"], kinds={"v": "BIGINT"})


def set_property(c):
    return Do(["alter", "t", "--set-property", "matrix.key=ü \"value\"", "--comment", "d=a day", "--table-comment", "of the matrix"])


def append_numbered(c):
    rows = c.model.fresh(3)
    command = ["write", "t", c.source(rows), "--app-id", "matrix", "--txn-version", "7"]
    return Do(command, command, rows=c.model.put(rows))


def some(c, n, rest):
    return [i for i in sorted(c.model.rows) if i % n == rest]


def changed(c, ids):
    rows = c.model.new(ids)
    for row in rows.values():
        row["v"], row["x"] = 7, -0.5
    return rows


def append_once(c):
    rows = c.model.fresh(3)
    source = c.source({**changed(c, some(c, 4, 1)), **rows})
    return Do(["write", "t", source, "--mode", "append_once", "--keys", "id"], rows=c.model.put(rows))


def upsert(c):
    rows = {**changed(c, some(c, 5, 3)), **c.model.fresh(2)}
    return Do(["write", "t", c.source(rows), "--mode", "upsert", "--keys", "id"], rows=c.model.put(rows))


def edited(c, ids, **values):
    return c.model.put({i: {**c.model.rows[i], **values} for i in ids})


def update(c):
    rows = {i: {**c.model.rows[i]} for i in some(c, 5, 2)}
    for row in rows.values():
        row["v"], row["name"] = None if row["v"] is None else row["v"] + 1000, "updated"
    return Do(["update", "t", "--set", "v=v + 1000", "--set", f"{c.model.names['name']}='updated'", "--where", "id % 5 = 2"],
              rows=c.model.put(rows))


def move_rows(c):
    return Do(["update", "t", "--set", "p='ü/=%é'", "--where", "id % 7 = 4"], rows=edited(c, some(c, 7, 4), p="ü/=%é"))


def delete(c):
    gone = {i for i, row in c.model.rows.items() if i % 11 == 3 or row["v"] == 20}
    return Do(["delete", "t", "--where", "id % 11 = 3 OR v = 20"], rows={i: r for i, r in c.model.rows.items() if i not in gone})


def merge(c):
    ids = some(c, 7, 2)
    rows = changed(c, ids)
    gone = {i for i in c.model.rows if i % 14 == 9 or i % 9 == 1 and i not in rows}
    gone -= {i for i in gone if i in rows and i % 14 != 9}
    new = c.model.fresh(2)
    put = c.model.put({**{i: {**c.model.rows[i], "v": rows[i]["v"], "p": rows[i]["p"]} for i in rows}, **new})
    return Do(["merge", "t", c.source({**rows, **new}), "--on", "t.id = s.id", "--when", "MATCHED AND t.id % 14 = 9 THEN DELETE",
               "--when", "MATCHED THEN UPDATE SET v = s.v, p = s.p", "--when", "NOT MATCHED THEN INSERT *",
               "--when", "NOT MATCHED BY SOURCE AND t.id % 9 = 1 THEN DELETE"],
              rows={i: row for i, row in put.items() if i not in gone})


def delete_more(c):
    gone = some(c, 6, 1)
    return Do(["delete", "t", "--where", "id % 6 = 1"], rows={i: r for i, r in c.model.rows.items() if i not in gone})


def optimize(c):
    return Do(["optimize", "t"])


def z_order(c):
    return Do(["optimize", "t", "--full" if "--cluster-by" in c.feature.create else "--zorder=id,v"])


def purge(c):
    return Do(["optimize", "t", "--purge"])


def replace_where(c):
    first = c.model.next
    rows = c.model.fresh(4)
    low = first - 8
    kept = {i: r for i, r in c.model.rows.items() if i < low}
    return Do(["write", "t", c.source(rows), "--mode", "overwrite", "--where", f"id >= {low}"],
              rows={**kept, **{i: c.model.whole(r) for i, r in rows.items()}})


def dynamic_overwrite(c):
    by = c.feature.partition_by
    rows = {i: c.model.whole(r) for i, r in c.model.fresh(2).items()}
    hit = {tuple(r[n] for n in by) for r in rows.values()}
    kept = {i: r for i, r in c.model.rows.items() if tuple(r[n] for n in by) not in hit}
    return Do(["write", "t", c.source({i: r for i, r in rows.items()}), "--mode", "overwrite", "--partition-overwrite", "dynamic"],
              rows={**kept, **rows})


def checkpoint(c):
    return Do(["checkpoint", "t"])


def restore(c):
    return Do(["delete", "t", "--where", "id % 2 = 0"], ["restore", "t", "--version", str(c.version())], rows=dict(c.model.rows))


def clone_deep(c):
    return Do(["clone", "t", "deep"], target=c.silt.dir / "deep")


def clone_shallow(c):
    return Do(["clone", "t", "shallow", "--shallow"], target=c.silt.dir / "shallow")


def export(c):
    return Do(["export", "t", "exported", "--format", "delta"], target=c.silt.dir / "exported")


def vacuum(c):
    return Do(["vacuum", "t", "--retention-hours", "0", "--yes"])


def overwrite(c):
    rows = c.model.fresh(8)
    return Do(["write", "t", c.source(rows), "--mode", "overwrite"], rows={i: c.model.whole(r) for i, r in rows.items()})


# In this order; with what the commits of each are called in the history.
OPERATIONS = {
    "add column": (add_column, "ADD COLUMNS"),
    "rename column": (rename_column, "RENAME COLUMN"),
    "drop column": (drop_column, "DROP COLUMNS"),
    "widen type": (widen_type, "CHANGE COLUMN"),
    "append": (append, "WRITE"),
    "append, numbered": (append_numbered, "WRITE"),
    "append_once": (append_once, "MERGE"),
    "upsert": (upsert, "MERGE"),
    "update": (update, "UPDATE"),
    "update, moving rows": (move_rows, "UPDATE"),
    "delete": (delete, "DELETE"),
    "optimize": (optimize, "OPTIMIZE"),
    "merge": (merge, "MERGE"),
    "set property": (set_property, "ALTER TABLE"),
    "delete, again": (delete_more, "DELETE"),
    "purge": (purge, "REORG"),
    "replaceWhere": (replace_where, "WRITE"),
    "dynamic overwrite": (dynamic_overwrite, "WRITE"),
    "z-order": (z_order, "OPTIMIZE"),
    "checkpoint": (checkpoint,),
    "restore": (restore, "DELETE", "RESTORE"),
    "clone, deep": (clone_deep,),
    "clone, shallow": (clone_shallow,),
    "export": (export,),
}
AT_THE_END = {"vacuum": (vacuum, "VACUUM START", "VACUUM END"), "overwrite": (overwrite, "WRITE")}
CHECKS = ("older versions", "history", "change feed", "points", "doctor")
ALL = ("create", *OPERATIONS, *CHECKS, *AT_THE_END)


def run(chain):
    """The table from its first to its last version."""
    chain.create()
    for count in (12, 9):
        rows = chain.model.fresh(count)
        chain.step("create", Do(["write", "t", chain.source(rows)], rows=chain.model.put(rows)), ["WRITE"])
    chain.alter_later()
    for name, (operation, *called) in OPERATIONS.items():
        chain.step(name, operation(chain), called)
    chain.check_end()
    for name, (operation, *called) in AT_THE_END.items():
        chain.step(name, operation(chain), called)
    return chain
