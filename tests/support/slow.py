"""Stand-ins for pg_dump that do what the real one does only on a bad day."""
import subprocess

from cluster import SUPPORT


def real_pg_dump():
    return (
        subprocess.run([SUPPORT / "pg.sh", "bin"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        + "/pg_dump"
    )


def fake_pg_dump(folder, body):
    """A script that answers --version like the real one and else runs `body`, where $real is the real one. It leaves
    the file pg_dump-runs in `folder` when it has begun to dump."""
    path = folder / "pg_dump"
    path.write_text(
        f"""#!/bin/bash
real={real_pg_dump()}
case " $* " in *" --version "* | *" -V "*) exec "$real" --version ;; esac
: >'{folder}/pg_dump-runs'
{body}
"""
    )
    path.chmod(0o755)
    return path


def slow_pg_dump(folder, after, seconds):
    """Stops for a while after so many bytes of the dump."""
    if not after:
        return fake_pg_dump(folder, f"exec sleep {seconds}")
    return fake_pg_dump(folder, f'"$real" "$@" | (head -c {after}; sleep {seconds}; cat)')
