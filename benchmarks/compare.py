#!/usr/bin/env python3
"""Runs a workload here and in other libraries, in turn, and prints the ratios of the times.

    python3 benchmarks/compare.py w1 FOLDER [--case CASE]... [--peer PEER]... [--rounds N]

FOLDER holds the peers' scripts, `w1_*.py` and so on; each is run as `script --peer PEER --threads 1 --case CASE`
and prints one JSON line per result, with the fields that `benchmarks/README.md` lists. Every round runs ours and then
each peer, case by case, so that a machine which slows down slows all of them; the medians over the rounds are
compared.

Exit status 1 when a checksum of a peer differs from ours by more than 1e-8 of its size: then nothing was compared.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOLERANCE = 1e-8

W1 = [f"{graph}:{n}:{t}" for graph in ("rook", "knn") for n in (50, 100, 300, 1000) for t in (1, 10)]
FULL = [f"full:{graph}:{n}:1" for graph in ("rook", "knn") for n in (50, 100)]
W2 = ["scalar10", "logistic", "hier", "chain1k", "tree1k", "chain1k_grad", "chain10k", "tree10k"]
W3 = ["1000", "100000", "10000000"]
W5 = ["all"]
W6 = [f"{m}:{nugget}" for nugget in (0, 1) for m in (20, 50, 100)]
W7 = ["structured_dot:2000:20:64", "true_dot:2000:20", "true_dot:20000:20"]

# Workload: its cases, and the peers that are asked unless some are named.
WORKLOADS = {
    "w1": (W1 + FULL, ["c-multirhs", "tuned-klu", "bayespecon-superlu", "bayespecon-klu", "jax-lu", "full-superlu"]),
    "w2": (W2, ["casadi-sx", "casadi-mx", "jax", "torch", "pytensor-numba", "pytensor-cvm"]),
    "w3": (W3, ["numpy", "numba", "jax", "pytensor-numba", "pytensor-c"]),
    "w5": (W5, ["c", "broadcast", "numba", "jax", "torch", "pytensor-numba", "seed"]),
    "w6": (W6, ["jax-factored", "numpy-factored", "torch-factored", "torch-openreml"]),
    "w7": (W7, ["scipy"]),
}

# What a peer calls a result that ours has under another name.
SAME_RESULT = {"call_raw": "call", "call_trust": "call", "compile_warm": "compile"}


# Results without a peer: what the memory gives in the same run.
MEMORY = {"copy", "triad"}


class Refused(Exception):
    """The numbers do not agree, or a program failed."""


class Absent(Exception):
    """A peer that is not installed."""


def own_group():
    """A scheduling group of its own, raised a little where that is allowed: who runs with it disturbs all alike."""
    try:
        os.setsid()
        pathlib.Path("/proc/self/autogroup").write_text("-5")
    except OSError:
        pass


def lines_of(command, **where):
    """The JSON lines that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=own_group, **where)
    if done.returncode != 0 and "ModuleNotFoundError" in done.stderr:
        raise Absent(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise Refused(f"{' '.join(map(str, command))}\n{done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ours(workload, case):
    """Our lines for a case, by the name of the result."""
    cargo = ["cargo", "run", "--quiet", "--release", "-p", "kronograph-benchmarks", "--bin", workload, "--"]
    return {result_name(line): line for line in lines_of([*cargo, "--case", case], cwd=ROOT)}


def theirs(folder, workload, peer, case):
    """The peer's lines for a case; the unrestricted system is a kind of peer there, and a kind of case here."""
    script, *more = sorted(folder.glob(f"{workload}_*.py"))
    if more:
        raise Refused(f"{folder} has several scripts for {workload}")
    command = [sys.executable, script.name, "--peer", peer, "--threads", "1", "--case", case.removeprefix("full:")]
    return lines_of(command, cwd=folder)


def takes(peer, case):
    """Whether a peer does the system of a case."""
    return case.startswith("full:") == peer.startswith("full-")


def result_name(line):
    """`build` of the case `hier:build`, `map` of `map:1000`, all of `sum:10000x10000`; W1 has one result per case."""
    before, _, after = line["case"].partition(":")
    return {"W2": after, "W3": before, "W5": line["case"]}.get(line["workload"], "")


def same(a, b):
    """Whether two checksums, or lists of them, agree."""
    a, b = (x if isinstance(x, list) else [x] for x in (a, b))
    close = lambda x, y: abs(x - y) <= TOLERANCE * max(abs(x), abs(y))
    return len(a) == len(b) and all(map(close, a, b))


def check(mine, line):
    """Refuses a pair of lines whose checksums differ; lines of building and compiling may have none."""
    if mine.get("check") and line.get("check") and not same(mine["check"], line["check"]):
        raise Refused(f"{line['case']}: {line['peer']} has {line['check']}, kronograph has {mine['check']}")


def measure(workload, folder, cases, peers, rounds):
    """(case, result, peer) to lists of (ours, theirs), one pair per round, without the peers that are absent; and
    (case, result) to lists of ours, for the results that say how fast memory is."""
    pairs, limits, absent = {}, {}, set()
    for round_number in range(rounds):
        for case in cases:
            mine = ours(workload, case)
            for name in MEMORY & mine.keys():
                limits.setdefault((case, name), []).append(mine[name])
            for peer in [peer for peer in peers if takes(peer, case) and peer not in absent]:
                try:
                    lines = theirs(folder, workload, peer, case)
                except Absent as reason:
                    absent.add(peer)
                    print(f"{peer} is left out: {reason}", file=sys.stderr)
                    continue
                for name, line in ((result_name(line), line) for line in lines):
                    match = mine.get(name) or mine.get(SAME_RESULT.get(name))
                    if match:
                        check(match, line)
                        pairs.setdefault((case, name, line["peer"]), []).append((match, line))
            print(f"round {round_number + 1}: {case}", file=sys.stderr)
    return pairs, limits


def median(lines, field):
    values = [line[field] for line in lines if line.get(field) is not None]
    return statistics.median(values) if values else None


def text(seconds):
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(pairs):
    """Ratios below one: ours is faster."""
    head = ["case", "result", "peer", "ours, CPU", "peer, CPU", "CPU ratio", "ours", "peer", "ratio"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for (case, name, peer), lines in pairs.items():
        row = [case, name or "-", peer]
        for field in ("cpu_s", "median_s"):
            mine, other = (median(side, field) for side in zip(*lines))
            row += [text(mine), text(other), f"{mine / other:.3g}" if mine and other else "-"]
        print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("folder", type=pathlib.Path, help="the folder of the peers' scripts")
    parser.add_argument("--case", action="append", help="only this case; may be given again")
    parser.add_argument("--peer", action="append", help="only this peer; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    cases, peers = WORKLOADS[given.workload]
    try:
        pairs, limits = measure(given.workload, given.folder, given.case or cases, given.peer or peers, given.rounds)
        if not pairs:
            sys.exit("no result of ours has a peer's beside it")
        table(pairs)
        for (case, name), lines in sorted(limits.items()):
            print(f"\n{name} of {case} numbers: {median(lines, 'gbs'):.3g} GB/s")
    except Refused as reason:
        sys.exit(f"refused: {reason}")


if __name__ == "__main__":
    main()
