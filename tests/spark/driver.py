"""A driver program of Spark that sends events. The tests run it as a process of its own.

python driver.py table ROWS LEDGER                       a data frame
python driver.py stream FILES CHECKPOINT LEDGERS [FAIL]  a stream; with FAIL, it fails after some requests
"""

import os
import sys
from itertools import count
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from gameball import Gameball
from gameball.receipts import Receipt
from gameball.sources import read_arrow

_FAIL_AFTER = 5


def start() -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Two executors in processes of their own.
    builder = SparkSession.builder.master("local-cluster[2,1,1024]")
    settings = {
        "spark.driver.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.session.timeZone": "UTC",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def memory() -> int:
    """Return the present memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def as_events(frame: DataFrame) -> DataFrame:
    return frame.selectExpr(
        "concat('c', id) AS customer_id", "'liked' AS name", "id AS n", "CAST(id AS DECIMAL(20, 2)) AS price"
    )


def send_table(spark: SparkSession, rows: int, ledger: str) -> None:
    # Repartitioned, so that its rows must be sorted across the executors.
    frame = as_events(spark.range(rows).repartition(8)).orderBy("n")
    readings: list[int] = []

    def watch(_: Receipt) -> None:
        readings.append(memory())

    with Gameball(rate_limits=None) as gb:
        report = gb.events.send(read_arrow(frame), ledger=ledger, on_receipt=watch)
    # The first tenth warms up what is loaded and allocated once.
    settled = readings[len(readings) // 10 :]
    print(report.accepted, max(settled) - settled[0], flush=True)


def send_stream(spark: SparkSession, files: str, checkpoint: str, ledgers: str, *, fail: bool) -> None:
    requests = count(1)
    gb = Gameball(rate_limits=None)

    def fail_at_last(_: Receipt) -> None:
        if fail and next(requests) == _FAIL_AFTER:
            raise RuntimeError("the driver program fails")

    def send_batch(batch: DataFrame, batch_id: int) -> None:
        # One ledger per batch: Spark repeats a batch with its id until it has succeeded.
        ledger = Path(ledgers, f"{batch_id}.ledger")
        gb.events.send(read_arrow(as_events(batch).orderBy("n")), ledger=ledger, on_receipt=fail_at_last)

    with gb:
        stream = spark.readStream.schema("id LONG").option("maxFilesPerTrigger", 1).parquet(files)
        query = (
            stream.writeStream.foreachBatch(send_batch)
            .option("checkpointLocation", checkpoint)
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()


def main() -> None:
    mode, *rest = sys.argv[1:]
    spark = start()
    if mode == "table":
        send_table(spark, int(rest[0]), rest[1])
    else:
        send_stream(spark, *rest[:3], fail=len(rest) > 3)
    spark.stop()


if __name__ == "__main__":
    main()
