"""What the protocol asks of a table's metadata: the form of its schema, column mapping, type changes, and the features that
properties and columns need."""
import json
import re

PRIMITIVES = {"boolean", "byte", "short", "integer", "long", "date", "float", "double", "string", "binary", "timestamp",
              "timestamp_ntz", "variant"}
MEMBERS = {"struct": {"type", "fields"}, "array": {"type", "elementType", "containsNull"},
           "map": {"type", "keyType", "valueType", "valueContainsNull"}}
PROPERTIES = {"appendOnly": "appendOnly", "enableChangeDataFeed": "changeDataFeed", "enableDeletionVectors": "deletionVectors",
              "enableRowTracking": "rowTracking", "enableInCommitTimestamps": "inCommitTimestamp",
              "enableTypeWidening": "typeWidening", "enableMaterializePartitionColumnsFeature": "materializePartitionColumns"}
COLUMNS = {"delta.typeChanges": "typeWidening", "delta.generationExpression": "generatedColumns", "CURRENT_DEFAULT": "allowColumnDefaults",
           "delta.identity.start": "identityColumns", "delta.invariants": "invariants"}
ID, NAME = "delta.columnMapping.id", "delta.columnMapping.physicalName"
INTEGERS = ["byte", "short", "integer", "long"]


def schema_of(metadata):
    return json.loads(metadata["schemaString"])


def is_mapped(metadata):
    return metadata["configuration"].get("delta.columnMapping.mode", "none") != "none"


def physical(field, metadata):
    return field["metadata"][NAME] if is_mapped(metadata) else field["name"]


def fields_of(kind, path=()):
    """(field, the fields and steps above it), at every depth."""
    if isinstance(kind, dict):
        for step in ("elementType", "keyType", "valueType"):
            if step in kind:
                yield from fields_of(kind[step], (*path, step[:-4]))
        for field in kind.get("fields", ()):
            yield field, path
            yield from fields_of(field["type"], (*path, field))


def leaves(schema, metadata):
    """(path of physical names, type) of what statistics can be of."""
    for field, path in fields_of(schema):
        if not any(isinstance(step, str) for step in path):
            yield tuple(physical(f, metadata) for f in (*path, field)), field["type"]


def features_used(metadata):
    conf = metadata["configuration"]
    used = {feature for name, feature in PROPERTIES.items() if conf.get(f"delta.{name}", "").lower() == "true"}
    used |= {"checkConstraints"} if any(k.startswith("delta.constraints.") for k in conf) else set()
    used |= {"columnMapping"} if is_mapped(metadata) else set()
    used |= {"v2Checkpoint"} if conf.get("delta.checkpointPolicy") == "v2" else set()
    for field, _ in fields_of(schema_of(metadata)):
        used |= {feature for key, feature in COLUMNS.items() if key in field["metadata"]}
        used |= set() if field["nullable"] else {"invariants"}
    text = metadata["schemaString"]
    return used | {f for word, f in (('"timestamp_ntz"', "timestampNtz"), ('"variant"', "variantType")) if word in text}


def broken_metadata(old, new, operation, seen):
    """`seen`: of ids of columns the physical paths that they ever had, which is added to."""
    conf, schema = new["configuration"], schema_of(new)
    if new["format"] != {"provider": "parquet", "options": {}} or any(not isinstance(v, str) for v in conf.values()):
        yield f"metaData {new}"
    if old and old["id"] != new["id"]:
        yield "the table's id has changed"
    if any(k.startswith("delta.feature.") or k in ("delta.minReaderVersion", "delta.minWriterVersion") for k in conf):
        yield f"properties that are none: {conf}"
    names = [f["name"] for f in schema["fields"]]
    if set(new["partitionColumns"]) - set(names) or len(set(new["partitionColumns"])) != len(new["partitionColumns"]):
        yield f"partitioned by {new['partitionColumns']}, columns {names}"
    yield from broken_type(schema)
    for field, _ in fields_of(schema):
        yield from broken_changes(field)
    if is_mapped(new):
        yield from broken_mapping(old, new, schema, seen)
    elif old and is_mapped(old):
        seen.clear()
        if operation not in ("REMOVE COLUMN MAPPING", "RESTORE"):
            yield "column mapping is turned off"
    if conf.get("delta.enableRowTracking") == "true":
        made = [conf.get(f"delta.rowTracking.materialized{x}ColumnName") for x in ("RowId", "RowCommitVersion")]
        if None in made or len({*made, *(physical(f, new) for f in schema["fields"])}) != 2 + len(names):
            yield f"columns of row ids: {made}"


def broken_type(kind):
    if isinstance(kind, str):
        if kind not in PRIMITIVES and not re.fullmatch(r"decimal\(\d+,\d+\)", kind):
            yield f"type {kind}"
        return
    if set(kind) != MEMBERS[kind["type"]]:
        yield f"type {kind}"
    for step in ("elementType", "keyType", "valueType"):
        if step in kind:
            yield from broken_type(kind[step])
    if len({f["name"].lower() for f in kind.get("fields", ())}) != len(kind.get("fields", ())):
        yield f"a name twice: {[f['name'] for f in kind['fields']]}"
    for field in kind.get("fields", ()):
        if set(field) != {"name", "type", "nullable", "metadata"}:
            yield f"field {field}"
        yield from broken_type(field["type"])


def broken_mapping(old, new, schema, seen):
    top = int(new["configuration"]["delta.columnMapping.maxColumnId"])
    if old and top < int(old["configuration"].get("delta.columnMapping.maxColumnId", 0)):
        yield f"the highest column id goes back to {top}"
    ids = [f["metadata"][ID] for f, _ in fields_of(schema)]
    if len(set(ids)) != len(ids) or max(ids, default=0) > top:
        yield f"column ids {ids}, the highest is {top}"
    for field, path in fields_of(schema):
        full = tuple(s if isinstance(s, str) else s["metadata"][NAME] for s in path) + (field["metadata"][NAME],)
        if seen.setdefault(field["metadata"][ID], full) != full or list(seen.values()).count(full) > 1:
            yield f"column {field['metadata'][ID]} is {full}; others were {seen}"


def broken_changes(field):
    """The type changes of a column lead to its type, each by a step that is allowed."""
    at = {}
    for change in field["metadata"].get("delta.typeChanges", ()):
        where, was, to = change.get("fieldPath", ""), change["fromType"], change["toType"]
        if at.get(where, was) != was or not widens(was, to):
            yield f"type changes of {field['name']}: {field['metadata']}"
        at[where] = to
    for where, to in at.items():
        kind = field["type"]
        for step in filter(None, where.split(".")):
            kind = kind[f"{step}Type"]
        if kind != to:
            yield f"{field['name']} {where} is {kind}, its last change was to {to}"


def widens(was, to):
    if was in INTEGERS and to in INTEGERS:
        return INTEGERS.index(was) < INTEGERS.index(to)
    if (was, to) in (("float", "double"), ("date", "timestamp_ntz")) or (was in INTEGERS[:3] and to == "double"):
        return True
    wide = re.fullmatch(r"decimal\((\d+),(\d+)\)", to)
    narrow = re.fullmatch(r"decimal\((\d+),(\d+)\)", was)
    digits, scale = map(int, narrow.groups()) if narrow else (20 if was == "long" else 10, 0)
    return bool(wide) and int(wide[1]) - digits >= int(wide[2]) - scale >= 0 and (bool(narrow) or was in INTEGERS)
