"""Connections with TLS: what cannot be proved to be the right server gets no password."""
import os
import shutil
import subprocess

import pytest


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


def make_ca(folder, name):
    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.pem",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        cwd=folder,
    )
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def tls(cluster, small, tmp_path_factory):
    """The server with a certificate for 'localhost'; gives (the CA's certificate, that of another CA)."""
    folder = tmp_path_factory.mktemp("tls")
    ours, other = make_ca(folder, "ours"), make_ca(folder, "other")
    (folder / "ext").write_text("subjectAltName=DNS:localhost\n")
    openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
        "-subj",
        "/CN=localhost",
        cwd=folder,
    )
    openssl(
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ours.pem",
        "-CAkey",
        "ours.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-out",
        "server.crt",
        "-extfile",
        "ext",
        cwd=folder,
    )
    owner = (cluster.dir / "data").stat()
    for name in ("server.key", "server.crt"):
        copy = cluster.dir / "data" / name
        shutil.copy(folder / name, copy)
        os.chown(copy, owner.st_uid, owner.st_gid)
        copy.chmod(0o600)
    cluster.sql("ALTER SYSTEM SET ssl = on")
    cluster.sql("SELECT pg_reload_conf()")
    yield ours, other
    cluster.sql("ALTER SYSTEM RESET ssl")
    cluster.sql("SELECT pg_reload_conf()")


def source(cluster, **keys):
    return "\n".join(["plugin = pg_dump", "url = ${URL}", *(f"{key} = {value}" for key, value in keys.items())])


def attempt(cluster, kist, expect, host="localhost", **parameters):
    kist.pipeline("small", source=source(cluster))
    url = cluster.url("small", **parameters).replace("127.0.0.1", host)
    return kist.run("run", "p", env={"URL": url}, expect=expect)


# Before the fixture turns TLS on.
def test_a_server_without_tls(cluster, small, kist):
    result = attempt(cluster, kist, None, sslmode="require")
    assert result.code in (1, 2) and "ssl" in result.is_one_error().lower(), result


def test_a_local_server_needs_none(cluster, small, kist):
    attempt(cluster, kist, 0)


def test_with_the_right_authority(cluster, tls, kist):
    attempt(cluster, kist, 0, sslmode="verify-full", sslrootcert=tls[0])
    assert any(name.startswith("_kist/p/") for name in kist.files())


def test_with_another_authority(cluster, tls, kist):
    result = attempt(cluster, kist, None, sslmode="verify-full", sslrootcert=tls[1])
    assert result.code in (1, 2) and "certificate" in result.is_one_error(), result


def test_under_another_name(cluster, tls, kist):
    result = attempt(cluster, kist, None, host="127.0.0.1", sslmode="verify-full", sslrootcert=tls[0])
    assert result.code in (1, 2) and "certificate" in result.is_one_error(), result
    attempt(cluster, kist, 0, host="127.0.0.1", sslmode="verify-ca", sslrootcert=tls[0])
