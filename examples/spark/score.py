#!/usr/bin/env python3
"""Scores or embeds any number of lines with narabi on Apache Spark, a narabi process in each partition.

    spark-submit examples/spark/score.py --model MODEL --input pairs.jsonl --output scores --partitions 64
    spark-submit examples/spark/score.py --how pandas ...            the same through mapInPandas
    spark-submit examples/spark/score.py --work embed --model EMBEDDER --input texts.jsonl --output vectors

Input: JSON lines as `narabi score` reads them, {"query", "passage"} and whatever else, or {"text"} for embed. Output:
the same lines with "logit" and "score", or "vector", added, in the order of the input. narabi and the model folder
have to lie at the same place on every node (spark-submit --archives puts them there). A process that dies fails its
task, and Spark runs the task again: rows are neither lost nor doubled. One thread a task: Spark fills the cores.
"""

import argparse
import json
import shlex
import subprocess

from pyspark.sql import SparkSession

ADDED = {"score": ("logit", "score"), "embed": ("vector",)}
TYPES = {"logit": "double", "score": "double", "vector": "array<float>"}


def command(options):
    return [options.narabi, options.work, "--model", options.model, "--input", "-", "--threads", "1"]


def merged(line, result, added):
    row, values = json.loads(line), json.loads(result)
    row.update({key: values[key] for key in added})
    return json.dumps(row, ensure_ascii=False)


def by_pipe(spark, options):
    """RDD.pipe: a line in, a line out, in order, so that input and output can be zipped again."""
    lines = spark.sparkContext.textFile(options.input, options.partitions).filter(lambda line: line.strip())
    lines = lines.repartition(options.partitions) if options.shuffle else lines
    lines.cache()
    results = lines.pipe(shlex.join(command(options)), checkCode=True)  # checkCode: a dead process fails the task
    added = ADDED[options.work]
    lines.zip(results).map(lambda both: merged(*both, added)).saveAsTextFile(options.output)


def by_pandas(spark, options):
    """mapInPandas: a process for each Arrow batch, which holds spark.sql.execution.arrow.maxRecordsPerBatch rows."""
    added, arguments = ADDED[options.work], command(options)

    def work(frames):
        for frame in frames:
            asked = frame.to_json(orient="records", lines=True, force_ascii=False)
            done = subprocess.run(arguments, input=asked, stdout=subprocess.PIPE, text=True, check=True)
            results = [json.loads(line) for line in done.stdout.splitlines()]
            yield frame.assign(**{key: [result[key] for result in results] for key in added})

    rows = spark.read.json(options.input).repartition(options.partitions)
    schema = ", ".join([f"{name} {kind}" for name, kind in rows.dtypes] + [f"{key} {TYPES[key]}" for key in added])
    rows.mapInPandas(work, schema).write.json(options.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--narabi", default="narabi", help="the binary, on every node")
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True, help="a folder that is not there yet")
    parser.add_argument("--work", choices=list(ADDED), default="score")
    parser.add_argument("--how", choices=["pipe", "pandas"], default="pipe")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--shuffle", action="store_true", help="pipe: spread the lines of few large files; loses order")
    options = parser.parse_args()
    spark = SparkSession.builder.appName("narabi").getOrCreate()
    (by_pipe if options.how == "pipe" else by_pandas)(spark, options)
    spark.stop()


if __name__ == "__main__":
    main()
