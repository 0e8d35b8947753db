"""Counts what a run of ctest did: prints "passed failed skipped", and on stderr what failed.

A program of cmocka and a file of pytest hold many tests each; they are counted one by one, from what cmocka printed and
from pytest's own report. One that ended without a report counts as one failed test.
"""
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


# Failures that are told in full; the others are in the logs.
TOLD = 25
told = 0


def tail(text, lines=20):
    return "\n".join("    | " + line for line in (text or "").rstrip().splitlines()[-lines:])


def tell(name, text):
    global told
    told += 1
    if told <= TOLD:
        print(f"  FAILED {name}\n{tail(text)}", file=sys.stderr)
    elif told < 4 * TOLD:
        print(f"  FAILED {name}", file=sys.stderr)


def pytest_counts(report):
    passed = failed = skipped = 0
    for case in xml.parse(report).iter("testcase"):
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if wrong is not None:
            failed += 1
            tell(f"{report.stem}: {case.get('name')}", wrong.text or wrong.get("message"))
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def cmocka_counts(output):
    def number(word):
        return sum(int(n) for n in re.findall(rf"^\[  {word} *\] (\d+) test\(s\)", output, re.M))

    return number("PASSED"), number("FAILED"), number("SKIPPED")


def case_counts(case, reports):
    name = case.get("name")
    state = case.get("status")
    output = case.findtext("system-out") or ""
    if state in ("notrun", "disabled"):
        # ctest calls a test that said "skip" and a program that is missing by the same word.
        missing = case.find("skipped") is None or "SKIP" not in (case.find("skipped").get("message") or "")
        if state == "notrun" and missing:
            tell(name, "it was not run: " + output)
            return 0, 1, 0
        return 0, 0, 1
    report = reports / f"{name}.xml"
    counts = pytest_counts(report) if report.exists() else cmocka_counts(output)
    if state == "fail" and counts[1] == 0:
        tell(name, output)
        return counts[0], 1, counts[2]
    if state == "fail" and not report.exists():
        tell(name, output)
    return counts if sum(counts) else (1, 0, 0)


def main():
    build = Path(sys.argv[1])
    cases = list(xml.parse(build / "ctest.xml").iter("testcase"))
    counts = [case_counts(case, build / "tests/e2e/junit") for case in cases]
    print(*(sum(column) for column in zip(*counts)) if counts else (0, 0, 0))


if __name__ == "__main__":
    main()
