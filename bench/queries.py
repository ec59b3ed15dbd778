"""What the case `scan` asks, the same of every system."""


def queries(variant, n):
    """(columns to select, condition) of a case of `scan`; the first column is the count."""
    if variant.endswith("two_integers"):
        return "count(*) n, sum(id), sum(k)", None
    if variant == "filter_1pct":
        return "count(*) n, sum(amount), max(note)", f"id >= {40 * n} AND id < {41 * n}"
    return "count(*) n, sum(amount), avg(price), max(ts), min(note), max(category)", None
