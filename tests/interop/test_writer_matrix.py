"""The conformance matrix with what needs no Spark: tables with each feature go through each operation of Silt, Python
deltalake and DuckDB's extension read each version, and deltalake writes on now and then. docs/conformance.md says more."""
import pytest

from conformance import matrix
from conformance.log_rules import broken_rules
from conformance.matrix_operations import ALL
from conformance.matrix_cases import CELLS, assert_cell, run_chains


@pytest.fixture(scope="module")
def chains(request, silt_binary, tmp_path_factory, read_deltalake, duckdb_delta):
    return run_chains(request, silt_binary, tmp_path_factory.mktemp("matrix"), read_deltalake, duckdb_delta)


@pytest.mark.parametrize("feature, operation", [c for c in CELLS if not matrix.refusal(*c)])
def test_works(chains, feature, operation):
    assert_cell(chains, feature, operation)


@pytest.mark.parametrize("feature, operation", [c for c in CELLS if matrix.refusal(*c)])
def test_is_refused(chains, feature, operation):
    assert_cell(chains, feature, operation)


@pytest.mark.parametrize("feature", matrix.FEATURES)
def test_the_log_keeps_the_rules(chains, feature):
    if isinstance(chains[feature], Exception):
        raise chains[feature]
    for table in ("t", "deep", "shallow", "exported"):
        assert not broken_rules(chains[feature].silt.dir / table), table


def test_the_document_says_what_is_tested():
    assert matrix.DOCUMENT.read_text() == matrix.document(ALL), "run build/venv/bin/python tests/conformance/matrix.py"
