"""peak.py FILE COMMAND... - runs a command and writes to FILE how many KiB of memory it had at most; ends as it ends."""
import os
import signal
import sys


def main(file, *command):
    child = os.spawnv(os.P_NOWAIT, command[0], command)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status, usage = os.wait4(child, 0)
    with open(file, "w") as out:
        out.write(str(usage.ru_maxrss))
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
