"""A certificate of this machine's loopback address, for one embedded AWS, by the command openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


class CertificateError(Exception):
    """No certificate could be made; the message is a sentence for a person."""


@dataclass(frozen=True)
class Certificate:
    """Its files, as PEM; the certificate is self-signed, and so its own CA bundle."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, address: str) -> Certificate:
    """Make one for an IP address in an existing folder. Raises CertificateError."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for extension in (
        f"subjectAltName=IP:{address}",
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=serverAuth",
    ):
        command += ["-addext", extension]
    command += ["-subj", "/CN=embedded-aws", "-days", "30", "-keyout", str(made.key), "-out", str(made.certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        raise CertificateError("The embedded AWS enforces IAM over https only: install the command openssl.") from None
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()
        raise CertificateError(f"openssl could not make a certificate: {words}") from None
    return made
