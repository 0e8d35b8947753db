"""Packages of npm, for tests that hold kist against other people's programs."""
import shutil
import subprocess

import pytest


def install(folder, *packages):
    """Installs them below `folder`. Returns why that cannot be done here, or None."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"{program} is not installed"
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--no-save"]
    command += ["--prefix", str(folder)]
    try:
        done = subprocess.run([*command, *packages], capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        return "npm got no answer from its registry"
    if done.returncode:
        return f"npm cannot install {' '.join(packages)}: {done.stderr.strip().splitlines()[-1:]}"
    return None


def installed(folder, *packages):
    """The folder with the packages in it, or the test is skipped."""
    why = install(folder, *packages)
    if why:
        pytest.skip(why)
    return folder
