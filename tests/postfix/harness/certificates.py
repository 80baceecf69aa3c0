"""Certificates for tests, good and bad, made by openssl(1) for a day or so."""

from pathlib import Path

from .processes import run

CONFIGURATION = """\
[ca]
default_ca = own
[own]
dir = {directory}
database = $dir/index.txt
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


class Certificates:
    """An authority below `directory`: `authority` is the file that says whom to trust."""

    def __init__(self, directory):
        self.directory = Path(directory)
        (self.directory / "index.txt").touch()
        self.configuration = self.directory / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION.format(directory=self.directory))
        self.authority, self.authority_key = self.self_signed("authority", "A test's authority", "basicConstraints=critical,CA:TRUE")

    def self_signed(self, name, subject, extension):
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", self.configuration,
             "-subj", f"/CN={subject}", "-addext", extension, "-keyout", key, "-out", certificate])
        return certificate, key

    def signed(self, name, names, begin=None, end=None):
        """For these names, "DNS:..." or "IP:..."; `begin` and `end` as YYMMDDHHMMSSZ."""
        certificate, key, request = (self.directory / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
        run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", self.configuration, "-subj", f"/CN={name}",
             "-addext", f"subjectAltName={','.join(names)}", "-keyout", key, "-out", request])
        dates = [*(["-startdate", begin] if begin else []), *(["-enddate", end] if end else ["-days", "2"])]
        run(["openssl", "ca", "-batch", "-notext", "-config", self.configuration, "-cert", self.authority, "-keyfile", self.authority_key,
             *dates, "-in", request, "-out", certificate])
        return certificate, key
