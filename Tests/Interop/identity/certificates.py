# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""An authority that signs whatever a check wants, right or wrong, and its revocation lists."""

import datetime
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = datetime.timedelta(hours=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def write(path, content):
    """In one step, as files are replaced that somebody may be reading."""
    path = pathlib.Path(path)
    beside = path.with_suffix(path.suffix + ".new")
    beside.write_bytes(content)
    os.replace(beside, path)
    return path


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Pair:
    """A certificate and its key in files."""

    def __init__(self, folder, name, certificate, key, chain=()):
        self.name, self.certificate, self.key = name, certificate, key
        self.certificate_file = write(folder / f"{name}.pem", b"".join(map(pem, [certificate, *chain])))
        self.key_file = write(folder / f"{name}.key", key_pem(key))

    def replace(self, other):
        """Takes the place of what stands in the files: the key first, so that nobody sees a new certificate without it."""
        write(self.key_file, key_pem(other.key))
        write(self.certificate_file, other.certificate_file.read_bytes())


class Authority:
    """The root of a trust domain."""

    def __init__(self, folder, domain="cluster.local", name="root"):
        self.folder, self.domain = pathlib.Path(folder), domain
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{domain} {name}")])
        self.certificate = (
            self._builder(subject, subject, self.key.public_key(), now() - HOUR, now() + 24 * HOUR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(self._usage(signs=True), critical=True)
            .add_extension(self._names([f"spiffe://{domain}"], []), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.roots_file = write(self.folder / f"{domain}-{name}.roots.pem", pem(self.certificate))

    def identity(self, account):
        return f"spiffe://{self.domain}/ns/default/sa/{account}"

    def issue(self, name, uris=None, dns=(), start=None, end=None, is_authority=False, signs=False, self_signed=False):
        """A leaf; what is not said is as it should be."""
        key = ec.generate_private_key(ec.SECP256R1())
        uris = [self.identity(name)] if uris is None else uris
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if self_signed else self.certificate.subject
        certificate = (
            self._builder(subject, issuer, key.public_key(), start or now() - HOUR / 60, end or now() + HOUR)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(self._usage(signs=signs or is_authority), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .add_extension(self._names(uris, dns), critical=False)
            .sign(key if self_signed else self.key, hashes.SHA256())
        )
        return Pair(self.folder, name, certificate, key)

    def revoke(self, path, *pairs, end=None):
        """Writes a revocation list."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now() - HOUR / 60)
            .next_update(end or now() + HOUR)
            .add_extension(x509.CRLNumber(len(pairs) + 1), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        for pair in pairs:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(pair.certificate.serial_number)
                .revocation_date(now() - HOUR / 60)
                .build()
            )
        return write(path, builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, issuer, key, start, end):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    @staticmethod
    def _usage(signs):
        return x509.KeyUsage(
            digital_signature=not signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
        )  # fmt: skip

    @staticmethod
    def _names(uris, dns):
        return x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(uri) for uri in uris] + [x509.DNSName(name) for name in dns]
        )
