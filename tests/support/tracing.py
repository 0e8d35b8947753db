"""Makes system calls of kist fail, or kills it at one of them, by strace."""
import re
import shutil
from collections import Counter

from kist import sanitizer_options

# A process that is traced cannot look for leaks, and one that is killed must not spoil the coverage of the others.
ENVIRONMENT = {"ASAN_OPTIONS": sanitizer_options(detect_leaks="0"), "GCOV_PREFIX": "/tmp/kist-coverage-of-killed"}


def tracer(output, *options):
    assert shutil.which("strace"), "strace is needed"
    return ["strace", "-f", "-qq", "-y", "-o", str(output), *options]


def count_calls(path, program):
    """{system call: the most that one thread of the program itself made of it}; strace counts each thread alone."""
    calls, children = Counter(), set()
    for line in open(path, errors="replace"):
        match = re.match(r"(\d+) +(\w+)\(", line)
        if not match:
            continue
        thread, call = match.groups()
        if call == "execve" and str(program) not in line:
            children.add(thread)
        if thread not in children:
            calls[thread, call] += 1
    most = Counter()
    for (thread, call), count in calls.items():
        most[call] = max(most[call], count)
    return most


def loader_calls(path):
    """{system call: how many of it were made before the configuration is read, mostly by the dynamic loader}."""
    calls = Counter()
    for line in open(path, errors="replace"):
        if "/conf.d" in line and "execve(" not in line:
            return calls
        match = re.match(r"\d+ +(\w+)\(", line)
        if match:
            calls[match.group(1)] += 1
    raise AssertionError(f"no sign of the configuration in {path}")


def spread(count, points):
    """At most so many of the numbers 1 to count, the first and the last among them."""
    if count <= points:
        return list(range(1, count + 1))
    return sorted({1 + round(n * (count - 1) / (points - 1)) for n in range(points)})
