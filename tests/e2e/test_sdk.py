"""A plugin made outside of the tree, as a team of its own would: with an installed SDK, pkg-config and a compiler."""
import os
import re
import subprocess
from pathlib import Path

import pytest

from kist import ROOT, Kist, find_program

BUILD = find_program().parent.parent


def cached(name):
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL, timeout=120
    )
    return prefix


def compile_plugin(prefix, source, output, *modules):
    """The same sanitizers as the tree has, since the installed helpers were made with them."""
    env = {**os.environ, "PKG_CONFIG_PATH": str(next(prefix.rglob("pkgconfig")))}
    words = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "kist", *modules], env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    made = ["-fsanitize=address,undefined"] if cached("KIST_SANITIZE") == "ON" else []
    made += ["--coverage"] if cached("KIST_COVERAGE") == "ON" else []
    command = [cached("CMAKE_C_COMPILER"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", *made]
    subprocess.run([*command, "-o", output, source, *words], check=True, timeout=120)
    output.chmod(0o755)


HELLO = """
#include <kist/plugin.h>
#include <stdlib.h>
#include "http.h"

struct config {
    const char *url;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, url, .flags = KIST_OPTION_REQUIRED, .help = "where to knock"), KIST_OPTION_END};

static int open_it(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct kist_http *http = NULL;
    const struct kist_http_setup setup = {.user_agent = "hello"};
    int code = kist_http_check_url(host, ((const struct config *)config)->url, 0, err);
    if (!code)
        code = kist_http_new(host, &setup, &http, err);
    *ret_self = http;
    return code;
}

static void close_it(void *self)
{
    kist_http_free(self);
}

static int notify(void *self, const struct kist_event *event, int64_t deadline_ms, struct kist_error *err)
{
    (void)self, (void)event, (void)deadline_ms, (void)err;
    return 0;
}

KIST_NOTIFIER(.about = {.name = "hello", .version = "1", .summary = "knocks at a door", .options = options,
                        .config_size = sizeof(struct config)},
              .open = open_it, .close = close_it, .notify = notify);
"""


def test_the_template_compiles_against_the_installed_headers(prefix, tmp_path):
    """A storage plugin of one file passes the whole contract."""
    plugin = tmp_path / "destination-memory.so"
    source = ROOT / "sdk/templates/destination/memory/memory.c"
    copy = tmp_path / "memory.c"
    copy.write_text(source.read_text().replace("KIST_VERSION", '"1"'))
    compile_plugin(prefix, copy, plugin)
    kist = Kist(tmp_path / "kist", program=prefix / "bin/kist")
    kist.write("[destination mine]\nplugin = memory\n")
    result = kist.run("plugin", "test", plugin)
    assert re.search(r"^[1-9]\d* passed, 0 failed", result.out, re.M), result


def test_a_helper_can_be_used_by_a_stranger(prefix, tmp_path):
    if not next(prefix.rglob("kist-sdk-http.pc"), None):
        pytest.skip("built without libcurl")
    source, plugin = tmp_path / "hello.c", tmp_path / "notifier-hello.so"
    source.write_text(HELLO)
    compile_plugin(prefix, source, plugin, "kist-sdk-http")
    kist = Kist(tmp_path / "kist", program=prefix / "bin/kist")
    assert "where to knock" in kist.run("plugin", "inspect", plugin).out


def test_every_helper_says_what_it_needs(prefix):
    """Each header that is installed has a module, and its flags are found."""
    folder = next(prefix.rglob("pkgconfig"))
    env = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    headers = sorted(Path(prefix, "include/kist-sdk").glob("*.h"))
    assert headers
    for header in headers:
        subprocess.run(["pkg-config", "--exists", "--print-errors", f"kist-sdk-{header.stem}"], env=env, check=True)
