#!/usr/bin/env python3
"""Asks one peer about an AIPerf JSONL file. Usage: peer.py PEER FILE.
Prints JSON: the seconds of the query (the import is not part of it) and {metric: {statistic: value}}.

All look at profiling records without an error, all have exact percentiles of type 7, and each is written as its
users would write it for speed: DuckDB and Polars are told the columns, so that they parse no others."""
import json, sys, time

THREE = ["request_latency", "time_to_first_token", "inter_token_latency"]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
NINE = {f"p{q}": q / 100 for q in (1, 5, 10, 25, 50, 75, 90, 95, 99)}
NAMED_IN_LINES = 1000


def duckdb_rows(path, metrics, expressions):
    import duckdb

    value = ", ".join(f'"{m}" STRUCT(value DOUBLE)' for m in metrics)
    columns = ("{metadata: 'STRUCT(benchmark_phase VARCHAR)', error: 'STRUCT(type VARCHAR)', " f"metrics: 'STRUCT({value})'}}")
    wanted = ", ".join(e.format(f'metrics."{m}".value') for m in metrics for e in expressions)
    return duckdb.connect().sql(
        f"SELECT {wanted} FROM read_json('{path}', format = 'newline_delimited', columns = {columns}) "
        "WHERE metadata.benchmark_phase = 'profiling' AND error IS NULL").fetchall()[0]


def duckdb(path):
    found = duckdb_rows(path, THREE, [f"quantile_cont({{0}}, {list(QUANTILES.values())})"])
    return {metric: dict(zip(QUANTILES, values)) for metric, values in zip(THREE, found)}


def duckdb_all(path):
    """Every metric with one number a record that the first lines name."""
    names = set()
    with open(path, "rb") as lines:
        for line, _ in zip(lines, range(NAMED_IN_LINES)):
            names |= {name for name, metric in json.loads(line)["metrics"].items() if not isinstance(metric["value"], list)}
    metrics = sorted(names)
    plain = {"avg": "avg({0})", "min": "min({0})", "max": "max({0})", "std": "stddev_pop({0})"}
    found = iter(duckdb_rows(path, metrics, [*plain.values(), f"quantile_cont({{0}}, {list(NINE.values())})"]))
    answer = {}
    for metric in metrics:
        stats = {stat: next(found) for stat in plain}
        answer[metric] = stats | dict(zip(NINE, next(found) or [None] * len(NINE)))
    return answer


def polars(path):
    import polars as pl

    number = pl.Struct({"value": pl.Float64})
    schema = {"metadata": pl.Struct({"benchmark_phase": pl.String}), "error": pl.Struct({"type": pl.String}),
              "metrics": pl.Struct(dict.fromkeys(THREE, number))}
    kept = (pl.col("metadata").struct.field("benchmark_phase") == "profiling") & pl.col("error").is_null()
    wanted = [pl.col("metrics").struct.field(m).struct.field("value").quantile(q, "linear").alias(f"{m} {stat}")
              for m in THREE for stat, q in QUANTILES.items()]
    found = pl.scan_ndjson(path, schema=schema).filter(kept).select(wanted).collect(engine="streaming").row(0, named=True)
    return {m: {stat: found[f"{m} {stat}"] for stat in QUANTILES} for m in THREE}


def numpy(path):
    """What a script does: every line parsed whole."""
    import numpy as np
    import orjson

    values = {m: [] for m in THREE}
    with open(path, "rb") as lines:
        for line in lines:
            record = orjson.loads(line)
            if record["metadata"]["benchmark_phase"] == "profiling" and record.get("error") is None:
                for m in THREE:
                    if m in record["metrics"]:
                        values[m].append(record["metrics"][m]["value"])
    return {m: dict(zip(QUANTILES, np.percentile(v, [q * 100 for q in QUANTILES.values()]).tolist())) for m, v in values.items()}


PEERS = {"duckdb": duckdb, "duckdb_all": duckdb_all, "polars": polars, "numpy": numpy}
LIBRARIES = {"duckdb": ["duckdb"], "duckdb_all": ["duckdb"], "polars": ["polars"], "numpy": ["numpy", "orjson"]}

if __name__ == "__main__":
    peer, path = sys.argv[1:]
    for library in LIBRARIES[peer]:
        __import__(library)
    began = time.perf_counter()
    answer = PEERS[peer](path)
    print(json.dumps({"seconds": time.perf_counter() - began, "answer": answer}))
