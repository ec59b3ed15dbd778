"""The conformance matrix with Spark beside deltalake and DuckDB: each version that Silt writes is read by Spark, and Spark
writes on now and then. docs/conformance.md says more. Needs scripts/setup_spark.sh; `make conformance` runs it."""
from pathlib import Path

import pytest

from conformance import matrix
from conformance.matrix_cases import CELLS, assert_cell, run_chains
from conformance.matrix_chain import Spark

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]


@pytest.fixture(scope="module")
def chains(request, silt_binary, tmp_path_factory, read_deltalake, duckdb_delta):
    folder = tmp_path_factory.mktemp("matrix")
    spark = Spark(PYTHON, folder)
    yield run_chains(request, silt_binary, folder, read_deltalake, duckdb_delta, spark)
    spark.close()


@pytest.mark.parametrize("feature, operation", [c for c in CELLS if not matrix.refusal(*c)])
def test_works_with_spark(chains, feature, operation):
    assert_cell(chains, feature, operation)


@pytest.mark.parametrize("feature, operation", [c for c in CELLS if matrix.refusal(*c)])
def test_is_refused_beside_spark(chains, feature, operation):
    assert_cell(chains, feature, operation)
