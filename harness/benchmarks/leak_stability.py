"""Judges the leaky and the clean applications of the tests again and again, and tells what is not always the same.

``python harness/benchmarks/leak_stability.py [RUNS] [WORD …]``: the applications with one of the words in their name.
"""

import gc
import multiprocessing
import os
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from leaks import clean, leaky, test_seeded


def judged(words: list[str]) -> dict[str, str]:
    """What the checks say about each application, without numbers that may differ."""
    gc.freeze()
    told = {}
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - what the applications print is no matter here
        sys.stderr = nowhere
        for name, case in chosen(words).items():
            found = [f"{v.check} {v.outcome.value} {v.observed or ''}" for v in test_seeded.verdicts(case)]
            told[name] = re.sub(r"\d{3,}|/tmp/\S+|0x\w+|fd=\d+|Thread-\d+", "N", "; ".join(sorted(found)))
            leaky.tidy()
    return told


def chosen(words: list[str]) -> dict[str, Any]:
    """The applications with one of the words in their name."""
    return {name: case for name, case in {**leaky.APPS, **clean.APPS}.items() if any(word in name for word in words)}


def main(runs: int, words: list[str]) -> int:
    """Print the outcomes that differ between runs; 1 when there are any."""
    apps = chosen(words)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(runs):
        # A process for each run: what is leaked on purpose must not burden the next.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            for name, told in pool.apply(judged, (words,)).items():
                seen[name][told] += 1
    differing = {name: counts for name, counts in seen.items() if len(counts) > 1}
    for name, counts in differing.items():
        print("differs:", name, *counts.items(), sep="\n  ")
    wrong = [name for name, case in apps.items() if bool(case.check) != any(" failed " in told for told in seen[name])]
    print(f"{len(apps)} applications, {runs} runs, {len(differing)} that differ, {len(wrong)} judged wrongly: {wrong}")
    return 1 if differing or wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else 100, [word for word in sys.argv[1:] if not word.isdigit()] or [""]))
