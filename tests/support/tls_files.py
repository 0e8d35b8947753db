"""Certificates for servers that tests put up: good ones and bad ones."""
import ssl
import subprocess
import warnings


def openssl(folder, *words):
    subprocess.run(["openssl", *(str(word) for word in words)], cwd=folder, check=True, capture_output=True)


def make_ca(folder, name="ca"):
    """An authority; the file that clients are given."""
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
        *("-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE"),
    )
    return folder / f"{name}.pem"


def make_certificate(folder, name, names, ca="ca", days=2):
    """A certificate NAME.pem by that authority, its key in it; `names` such as "IP:127.0.0.1"; `days` may be negative."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr"),
        *("-subj", f"/CN={name}"),
    )
    openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial"),
        *("-days", days, "-out", f"{name}.crt", "-extfile", f"{name}.ext"),
    )
    both = (folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text()
    (folder / f"{name}.pem").write_text(both)
    return folder / f"{name}.pem"


def server_context(file, old=False):
    """`old`: speaks nothing newer than TLS 1.0."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(file)
    return context
