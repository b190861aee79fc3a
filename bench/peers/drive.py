"""Times every engine on every model, interleaved: a round of each, then the next round.

Every result is a line of results.jsonl as soon as it is there; what is there already is not measured again, so that a
run may be cut anywhere (--seconds does it by itself) and called again. Exit code 3: there is more to do.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from common import BIN, ENGINES, MODELS, OUT, ROOT, WORKLOADS, model_folder, pairs_file

RESULTS = OUT / "results.jsonl"
BATCHES = (1, 4, 10, 32)
SEARCH_PAIRS = 32
PAUSE_S = 0.2  # between two engines: threads of the one before stop spinning


class Results:
    """results.jsonl by (kind, model, engine, workload, batch, streams, round)."""

    def __init__(self):
        self.by_key = {}
        if RESULTS.exists():
            for line in RESULTS.read_text().splitlines():
                record = json.loads(line)
                self.by_key[self.key(record)] = record

    @staticmethod
    def key(record: dict) -> tuple:
        return tuple(record.get(name) for name in ("kind", "model", "engine", "workload", "batch", "streams", "round"))

    def add(self, record: dict) -> None:
        self.by_key[self.key(record)] = record
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def forget(self, models: list[str]) -> None:
        self.by_key = {key: record for key, record in self.by_key.items() if record["model"] not in models}
        if RESULTS.exists():
            RESULTS.write_text("".join(json.dumps(record) + "\n" for record in self.by_key.values()))

    def all(self, **wanted) -> list[dict]:
        return [r for r in self.by_key.values() if all(r.get(name) == value for name, value in wanted.items())]


class Worker:
    """A process that holds one engine with one model, on the cores given."""

    def __init__(self, engine: str, model: str, cores: list[int]):
        kind, precision = ENGINES[engine]
        threads = str(len(cores))
        if kind == "narabi":
            command = [BIN / "bench/peers_narabi_worker", "--model", model_folder(model), "--data", OUT / "pairs",
                       "--precision", precision, "--threads", threads]
        else:
            command = [sys.executable, ROOT / "bench/peers/worker.py", "--model", model, "--engine", engine,
                       "--threads", threads]
        self.log = open(OUT / model / f"{engine}.log", "w")
        environment = os.environ | {"OMP_NUM_THREADS": threads}
        started = time.time()
        self.process = subprocess.Popen(["taskset", "-c", ",".join(map(str, cores)), *map(str, command)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        self.warm = set()
        self.ready = bool(self.process.stdout.readline())
        self.start_s = time.time() - started

    def ask(self, request: dict) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended; see {self.log.name}")
        return json.loads(line)

    def timed(self, request: dict) -> dict:
        """After a round of warm-up the first time: shapes are compiled, caches filled."""
        key = json.dumps(request)
        if key not in self.warm:
            self.ask(request)
            self.warm.add(key)
        return self.ask(request)

    def stop(self) -> None:
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def configurations(engine: str) -> list[dict]:
    kind, _ = ENGINES[engine]
    if kind == "narabi":
        return [{"batch": WORKLOADS["mixed"], "streams": 1}]
    streams = (1, 2) if kind == "openvino" else (1,)
    return [{"batch": batch, "streams": s} for batch in BATCHES for s in streams]


class Driver:
    def __init__(self, arguments):
        self.arguments = arguments
        self.results = Results()
        if arguments.again:
            self.results.forget(arguments.models)
        # A narabi that was not built with a precision may be by now.
        self.results.by_key = {key: record for key, record in self.results.by_key.items()
                               if record["kind"] != "failed" or ENGINES[record["engine"]][0] != "narabi"}
        self.workers = {}
        self.deadline = time.time() + arguments.seconds if arguments.seconds else None
        self.quick = arguments.quick

    def failed(self, engine: str, model: str) -> bool:
        return bool(self.results.all(kind="failed", engine=engine, model=model))

    def fits(self, seconds: float) -> bool:
        return self.deadline is None or time.time() + seconds < self.deadline

    def expected_s(self, engine: str, model: str, workload: str) -> float:
        """Of a timed round with its warm-up and the start of the worker, from what is known."""
        known = [r["seconds"] / r["pairs"] for r in self.results.all(model=model, engine=engine) if "seconds" in r]
        starts = [r["start_s"] for r in self.results.all(kind="start", model=model, engine=engine)]
        start = 0 if (engine, model) in self.workers else max(starts, default=20)
        return start + 2.2 * max(known, default=0.1) * WORKLOADS[workload]

    def worker(self, engine: str, model: str) -> Worker | None:
        for key in [key for key in self.workers if key[1] != model]:
            self.workers.pop(key).stop()
        if (engine, model) not in self.workers:
            worker = Worker(engine, model, self.arguments.cores)
            if not worker.ready:
                self.fail(worker, engine, model)
                return None
            self.workers[engine, model] = worker
            self.results.add({"kind": "start", "model": model, "engine": engine, "start_s": worker.start_s})
        return self.workers[engine, model]

    def fail(self, worker: Worker, engine: str, model: str) -> None:
        reason = Path(worker.log.name).read_text().strip().splitlines()[-1:]
        self.results.add({"kind": "failed", "model": model, "engine": engine, "reason": " ".join(reason)[-300:]})
        print(f"{model:10} {engine:16} does not run: see {worker.log.name}", flush=True)

    def measure(self, record: dict) -> bool:
        """False: no time left. A record is what it is asked for; the result is added to it."""
        if self.results.key(record) in self.results.by_key or self.failed(record["engine"], record["model"]):
            return True
        if not self.fits(self.expected_s(record["engine"], record["model"], record["workload"])):
            return False
        worker = self.worker(record["engine"], record["model"])
        if worker is None:
            return True
        time.sleep(PAUSE_S)
        request = {name: record[name] for name in ("batch", "streams", "pairs")}
        request["workload"] = pairs_file(record["workload"]).stem
        try:
            found = worker.timed(request)
        except (RuntimeError, OSError):  # it ended: the others go on without it
            self.workers.pop((record["engine"], record["model"])).stop()
            self.fail(worker, record["engine"], record["model"])
            return True
        scores = OUT / record["model"] / f"scores-{record['engine']}-{record['workload']}.json"
        if record["kind"] == "round":
            scores.write_text(json.dumps(found["logits"]))
        record |= {"seconds": found["seconds"]} | ({"each": found["each"]} if record["batch"] == 1 else {})
        self.results.add(record)
        print(f"{record['model']:10} {record['engine']:16} {record['workload']:8} batch {record['batch']:3} x{record['streams']}"
              f" {record['kind']} {record.get('round', '')}: {record['seconds']:.3f} s", flush=True)
        return True

    def best(self, engine: str, model: str, workload: str) -> dict:
        if workload == "single":
            return {"batch": 1, "streams": 1}
        tried = self.results.all(kind="search", engine=engine, model=model, workload=workload)
        chosen = min(tried, key=lambda r: r["seconds"], default=configurations(engine)[-1])
        return {name: chosen[name] for name in ("batch", "streams")}

    def search(self, engine: str, model: str, workload: str) -> bool:
        candidates = configurations(engine)
        if workload == "single" or len(candidates) == 1:
            return True
        if self.quick:
            candidates = [c for c in candidates if c["batch"] in (10, 32) and c["streams"] == 1]
        return all(self.measure({"kind": "search", "model": model, "engine": engine, "workload": workload,
                                 "pairs": SEARCH_PAIRS} | candidate) for candidate in candidates)

    def machine_rate(self, model: str, round_number: int) -> bool:
        """`narabi bench` in the same round: the GEMM rate now, the bound and the fraction of it."""
        for engine in self.arguments.engines:
            kind, precision = ENGINES[engine]
            for workload in ("uniform", "mixed"):
                record = {"kind": "bench", "model": model, "engine": engine, "workload": workload, "round": round_number}
                if kind != "narabi" or workload not in self.arguments.workloads or self.failed(engine, model):
                    continue
                if self.results.key(record) in self.results.by_key:
                    continue
                if not self.fits(30):
                    return False
                command = [BIN / "narabi", "bench", "--model", model_folder(model), "--precision", precision, "--json",
                           "--tokens", "200" if workload == "uniform" else "mixed", "--rounds", "3",
                           "--threads", str(len(self.arguments.cores))]
                done = subprocess.run(["taskset", "-c", ",".join(map(str, self.arguments.cores)), *map(str, command)],
                                      capture_output=True, text=True)
                if done.returncode == 0:
                    self.results.add(record | {"bench": json.loads(done.stdout)})
        return True

    def run(self) -> bool:
        a = self.arguments
        for model in a.models:
            if not all(self.search(e, model, w) for w in a.workloads for e in a.engines):
                return False
            for number in range(1, a.rounds + 1):
                for workload in a.workloads:
                    for engine in a.engines:
                        record = {"kind": "round", "model": model, "engine": engine, "workload": workload, "round": number,
                                  "pairs": WORKLOADS[workload]}
                        if self.results.all(**record) or self.measure(record | self.best(engine, model, workload)):
                            continue
                        return False
                if not self.machine_rate(model, number):
                    return False
        return True

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.stop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="stop before this much time is over; call again for the rest")
    parser.add_argument("--again", action="store_true", help="forget first what has been measured of these models")
    parser.add_argument("--quick", action="store_true", help="one round, batch sizes 10 and 32 only")
    parser.add_argument("--cores", type=lambda text: [int(c) for c in text.split(",")],
                        default=sorted(os.sched_getaffinity(0))[:2], help="such as 0,1")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    return arguments


def main() -> int:
    driver = Driver(parse())
    try:
        finished = driver.run()
    finally:
        driver.stop()
    if not finished:
        print("there is more to measure: call again", flush=True)
    return 0 if finished else 3


if __name__ == "__main__":
    sys.exit(main())
