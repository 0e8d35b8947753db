"""A restored database takes the place of the living one: in a moment, and wherever kist is killed, one of the two is live
and whole."""
import re
import subprocess
import threading
import time

import pytest
from processes import wait_until

# 2,000 rows of generation 1 are saved; what is live afterwards is of generation 2.
SHOP = """
CREATE TABLE generation AS SELECT 1 AS n, g FROM generate_series(1, 2000) g;
CREATE TABLE visits (client int, at timestamptz DEFAULT clock_timestamp());
"""
FRESH = re.compile(r"shop_restore_\d{8}_\d{6}")
KEPT = re.compile(r"shop_before_\d{8}_\d{6}")
UNDONE = re.compile(r"shop_undone_\d{8}_\d{6}")
CLIENTS = 4
KILLS = 60


def databases(cluster):
    return cluster.sql("SELECT datname FROM pg_database WHERE datname ~ '^shop' ORDER BY 1").splitlines()


@pytest.fixture
def shop(cluster, kist):
    """A backup of the shop, restored beside it: the name of what was restored."""
    for name in databases(cluster):
        cluster.drop(name)
    cluster.create("shop", SHOP)
    kist.pipeline("shop")
    kist.backup()
    cluster.sql("UPDATE generation SET n = 2", "shop")
    yield FRESH.search(kist.run("restore", "p").out)[0]
    for name in databases(cluster):
        cluster.drop(name)


def generation(cluster, database):
    """1 or 2; anything else is not a whole database."""
    rows, low, high = cluster.sql("SELECT count(*), min(n), max(n) FROM generation", database).split("|")
    assert (rows, low) == ("2000", high), (database, rows, low, high)
    return int(low)


class Client(threading.Thread):
    """Connects, writes and reads again and again; keeps the longest time without success."""

    def __init__(self, cluster, number):
        super().__init__()
        self.env, self.number = cluster.client_env(), number
        self.stop, self.served, self.longest, self.seen = False, 0, 0.0, set()

    def run(self):
        sql = f"INSERT INTO visits VALUES ({self.number}) RETURNING 0; SELECT max(n) FROM generation"
        last = time.monotonic()
        while not self.stop:
            done = subprocess.run(
                ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "shop", "-c", sql],
                env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )
            if done.returncode == 0:
                now = time.monotonic()
                self.longest, last = max(self.longest, now - last), now
                self.served += 1
                self.seen.add(done.stdout.split()[-1])


class Load:
    """Clients that hammer the database, and sessions that hold on to it."""

    def __init__(self, cluster):
        self.clients = [Client(cluster, number) for number in range(CLIENTS)]
        self.idle = [
            subprocess.Popen(
                ["psql", "-X", "-d", "shop", "-c", "SELECT pg_sleep(600)"],
                env=cluster.client_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]

    def __enter__(self):
        for client in self.clients:
            client.start()
        assert self.all_served(3)
        return self

    def all_served(self, more):
        wanted = [client.served + more for client in self.clients]
        return wait_until(
            lambda: all(client.served >= least for client, least in zip(self.clients, wanted)), timeout=30
        )

    def __exit__(self, *_):
        for client in self.clients:
            client.stop = True
        for client in self.clients:
            client.join()
        for idle in self.idle:
            idle.kill()
            idle.wait()


def test_under_load(cluster, kist, shop):
    with Load(cluster) as load:
        result = kist.run("restore", "p", "--swap", "--confirm", shop)
        assert load.all_served(3), "no client gets in again"
    assert all(idle.returncode not in (None, 0) for idle in load.idle)
    longest = max(client.longest for client in load.clients)
    printed = re.search(r"interrupted for (\d+) (ms|s), (\d+) sessions? ended", result.out)
    told = int(printed[1]) / (1000 if printed[2] == "ms" else 1)
    print(f"interrupted: told {told:.3f} s, seen {longest:.3f} s, {printed[3]} sessions ended")
    assert 0 < told < 2 and longest < 2, (told, longest)
    assert int(printed[3]) >= 3
    kept = KEPT.search(result.out)[0]
    assert generation(cluster, "shop") == 1 and generation(cluster, kept) == 2
    assert any("1" in client.seen and "2" in client.seen for client in load.clients)


def time_of_swap(cluster, kist, fresh):
    """How long `kist restore --swap` takes with a session in its way; all is as before afterwards."""
    began = time.monotonic()
    kist.run("restore", "p", "--swap", "--confirm", fresh)
    took = time.monotonic() - began
    take_back(cluster, kist, fresh)
    return took


def take_back(cluster, kist, fresh):
    kept = UNDONE.search(kist.run("restore", "p", "--undo").out)[0]
    cluster.sql(f'ALTER DATABASE "{kept}" RENAME TO "{fresh}"')


def hold(cluster):
    process = subprocess.Popen(
        ["psql", "-X", "-d", "shop", "-c", "SELECT pg_sleep(600)"],
        env=cluster.client_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    there = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ 'pg_sleep.600' AND datname = 'shop'"
    assert wait_until(lambda: cluster.sql(there) == "t")
    return process


def let_go(cluster, process):
    """A server process that sleeps does not see that its client is gone: they would fill the server."""
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep.600'")
    process.kill()
    process.wait()


def check_after_kill(cluster, kist, fresh):
    """One whole live database, the other one whole beside it, and kist says the way on. Which is live."""
    assert wait_until(lambda: not cluster.backends(), timeout=20)
    live = generation(cluster, "shop")
    others = [name for name in databases(cluster) if name != "shop"]
    assert len(others) == 1 and generation(cluster, others[0]) == 3 - live, others
    look = kist.run("restore", "p", "--undo", "--dry-run", expect=None)
    if live == 2:
        assert others == [fresh] and look.code == 1 and "shop_before_<time>" in look.err, look
        kist.run("restore", "p", "--swap", "--confirm", fresh, "--dry-run")
    else:
        assert look.code == 0 and KEPT.search(look.out)[0] == others[0], look
        take_back(cluster, kist, fresh)
    assert generation(cluster, "shop") == 2 and generation(cluster, fresh) == 1
    return live


def test_killed_at_every_step(cluster, kist, shop):
    holder = hold(cluster)
    whole = time_of_swap(cluster, kist, shop)
    holder.wait()
    for _ in range(2):  # the first one may find cold caches
        holder = hold(cluster)
        whole = min(whole, time_of_swap(cluster, kist, shop))
        holder.wait()
    seen = {1: 0, 2: 0}
    for number in range(KILLS):
        holder = hold(cluster)
        running = kist.start("restore", "p", "--swap", "--confirm", shop)
        time.sleep(whole * 1.1 * number / KILLS)
        running.signal(9)
        running.finish()
        seen[check_after_kill(cluster, kist, shop)] += 1
        let_go(cluster, holder)
    print(f"killed at {KILLS} points within {whole:.2f} s: {seen[2]} times as before, {seen[1]} times swapped")
    assert seen[1] and seen[2], seen


def test_stopped_in_the_midst(cluster, kist, shop):
    """A kist that neither goes on nor dies holds nobody up: the server has all it needs, or gives up by itself."""
    holder = hold(cluster)
    running = kist.start("restore", "p", "--swap", "--confirm", shop)
    assert wait_until(lambda: cluster.backends() or running.process.poll() is not None)
    running.signal(19)
    assert wait_until(
        lambda: subprocess.run(
            ["psql", "-XAtq", "-d", "shop", "-c", "SELECT 1"], env=cluster.client_env(), capture_output=True
        ).returncode == 0,
        timeout=15,
    )
    running.signal(18)
    running.finish()
    let_go(cluster, holder)
    assert generation(cluster, "shop") in (1, 2)


def test_way_back_is_printed(cluster, kist, shop):
    result = kist.run("restore", "p", "--swap", "--confirm", shop)
    back = re.search(r"^ +back: +(.*)$", result.out, re.M)[1]
    words = back.split()
    assert words[0] == "kist" and "--undo" in words, back
    done = subprocess.run([kist.program, *words[1:]], env=kist.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done
    assert generation(cluster, "shop") == 2
