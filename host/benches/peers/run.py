#!/usr/bin/env python3
"""Times perfbox against its peers on one file, in turns, and checks that all say the same.

    host/benches/peers/run.py artifacts/profile_export.jsonl          # the file 50 times over
    host/benches/peers/run.py big.jsonl --times 1 --rounds 3          # the file as it is

A peer is timed as its query takes, perfbox as its whole process takes, start to exit; memory is the peak of the
process for both. Exits 1 where an answer differs, and says so where this perfbox cannot be asked."""
import argparse, json, os, statistics, subprocess, sys, tempfile, time, venv
from pathlib import Path

PINNED = ["duckdb==2.0.0", "polars==2.1.0", "numpy==2.4.6", "orjson==3.8.3"]
HERE = Path(__file__).resolve().parent
THREE = "[request_latency,time_to_first_token,inter_token_latency]"
# Contests: perfbox's arguments, and the peers that do the same work.
CONTESTS = {"all metrics": ([], ["duckdb_all"]),
            "three metrics": (["--set", f"metrics.only={THREE}"], ["duckdb", "polars", "numpy"])}
RELATIVE = 1e-9


def measured(command, **how):
    """(exit status, seconds, peak memory in bytes, standard output) of one process."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, **how)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        # ru_maxrss is in KiB on Linux, in bytes on macOS.
        return process.returncode, seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), out.read()


class Perfbox:
    def __init__(self, binary, arguments, work):
        self.command = [str(binary), "run", "--processor", "metrics", *arguments, "--out", str(work / "perfbox-out"),
                        "--force", "--quiet", "--no-config", "--no-default-plugins"]
        self.summary = work / "perfbox-out" / "summary.json"

    def ask(self, path):
        status, seconds, memory, _ = measured([*self.command, str(path)], cwd=self.summary.parent.parent)
        if status != 0:
            raise RuntimeError(f"perfbox ended with status {status}")
        rows = json.loads(self.summary.read_text())["results"]["metrics"]["metrics"]
        # What perfbox gives as one number, as AIPerf's own summary does, has no distribution to compare.
        return seconds, memory, {row["name"]: row.get("stats") for row in rows if row.get("phase") == "profiling"}


class Peer:
    def __init__(self, python, name):
        self.command = [str(python), str(HERE / "peer.py"), name]

    def ask(self, path):
        status, _, memory, printed = measured([*self.command, str(path)])
        if status != 0:
            raise RuntimeError(f"{self.command[-1]} ended with status {status}")
        said = json.loads(printed)
        return said["seconds"], memory, said["answer"]


def differences(ours, theirs):
    """Where the two do not say the same; what a peer has no records for, it says nothing of."""
    for metric, stats in theirs.items():
        if metric in ours and ours[metric] is None:
            continue
        for stat, value in stats.items():
            got = ours.get(metric, {}).get(stat)
            if value is None:
                continue
            # The spread of a metric that hardly varies is a difference of large numbers: judged by their size.
            size = max(abs(value), abs(stats["avg"]) if stat == "std" else 0)
            if got is None or abs(got - value) > RELATIVE * size:
                yield f"{metric} {stat}: {value}, not {got}"


def enlarge(source, times, target):
    whole = source.read_bytes()
    with open(target, "wb") as out:
        for _ in range(times):
            out.write(whole)
    return target


def interpreter(work):
    environment = work / "venv"
    if not (environment / "bin" / "python").exists():
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", *PINNED], check=True)
    return environment / "bin" / "python"


def contest(contestants, path, rounds):
    """Runs and shows one contest; whether all answers agree with the first contestant's, which is perfbox where it runs."""
    first = next(iter(contestants))
    runs = {who: [] for who in contestants}
    agreed = True
    for turn in range(rounds):
        names = list(contestants)
        for who in names[turn % len(names):] + names[:turn % len(names)]:
            runs[who].append(contestants[who].ask(path))
        for who in names[1:]:
            for difference in list(differences(runs[first][-1][2], runs[who][-1][2]))[:10]:
                agreed = False
                print(f"  {who} disagrees with {first}: {difference}")
    asked = set().union(*(runs[who][-1][2] for who in list(contestants)[1:]))
    single = sorted(name for name, stats in runs[first][-1][2].items() if stats is None and name in asked)
    if single:
        print(f"  not compared, one number in {first}: {', '.join(single)}")
    reference = statistics.median(seconds for seconds, _, _ in runs[first])
    print(f"  {'':12} {'median s':>9} {'fastest':>9} {'slowest':>9} {first + '/it':>12} {'peak MiB':>9}")
    for who, measurements in runs.items():
        seconds = [seconds for seconds, _, _ in measurements]
        peak = max(memory for _, memory, _ in measurements) / 2**20
        median = statistics.median(seconds)
        print(f"  {who:12} {median:9.3f} {min(seconds):9.3f} {max(seconds):9.3f} {reference / median:12.2f} {peak:9.0f}")
    return agreed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", type=Path, help="an AIPerf profile_export.jsonl")
    arguments.add_argument("--times", type=int, default=50, help="how often its records are repeated [50]; 1: the file itself")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts [5]")
    arguments.add_argument("--perfbox", type=Path, default=Path("target/release/perfbox"), help="[target/release/perfbox]")
    arguments.add_argument("--work", type=Path, help="directory for the peers, the file and the output, kept [a temporary one]")
    arguments.add_argument("--python", type=Path, help="interpreter that has the peers [one with: " + " ".join(PINNED) + "]")
    asked = arguments.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    for needed in (asked.file, asked.perfbox):
        if not needed.is_file():
            arguments.error(f"`{needed}` is not there")

    with tempfile.TemporaryDirectory(prefix="perfbox-peers-") as temporary:
        work = (asked.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        python = asked.python or interpreter(work)
        path = asked.file.resolve() if asked.times == 1 else enlarge(asked.file, asked.times, work / "profile_export.jsonl")
        small = work / "first-lines.jsonl"
        with open(path, "rb") as lines:
            small.write_bytes(b"".join(line for line, _ in zip(lines, range(2000))))
        print(f"{path.stat().st_size / 1e6:.0f} MB, {asked.rounds} rounds, {os.cpu_count()} cores")
        with open(path, "rb") as whole:  # into the page cache, before anyone's turn
            while whole.read(1 << 24):
                pass

        agreed = True
        for title, (extra, names) in CONTESTS.items():
            print(f"\n{title}")
            contestants = {name: Peer(python, name) for name in names}
            perfbox = Perfbox(asked.perfbox.resolve(), extra, work)
            try:
                perfbox.ask(small)  # warms the cache of compiled components
                contestants = {"perfbox": perfbox} | contestants
            except RuntimeError as why:
                print(f"  perfbox left out: {why}, asked with: {' '.join(extra)}")
            agreed &= contest(contestants, path, asked.rounds)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
