"""The ways into the test broker: a listener a protocol, its user, and a throw-away certificate authority."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.harness.process import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

USER = "momentwatch"
PASSWORD = "test-only-secret"
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
LIFETIME = dt.timedelta(days=2)


class Listener(Enum):
    """A listener's name on the broker: (Kafka's security protocol, SASL mechanisms)."""

    PLAINTEXT = ("PLAINTEXT", ())
    TLS = ("SSL", ())
    MUTUAL_TLS = ("SSL", (), "required")
    SASL_PLAIN = ("SASL_PLAINTEXT", ("PLAIN",))
    SASL_SCRAM = ("SASL_PLAINTEXT", SCRAM_MECHANISMS)
    SASL_TLS = ("SASL_SSL", ("PLAIN", *SCRAM_MECHANISMS))

    def __init__(self, protocol: str, mechanisms: tuple[str, ...], client_auth: str = "none") -> None:
        self.protocol = protocol
        self.mechanisms = mechanisms
        self.client_auth = client_auth

    @property
    def encrypted(self) -> bool:
        """Whether the client needs the authority's certificate."""
        return self.protocol.endswith("SSL")


EVERY_LISTENER = tuple(Listener)


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority's certificate, and a key with its chain for the broker and for a client."""

    authority: Path
    broker: Path
    client_certificate: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make a throw-away authority, a broker's certificate for loopback, and a client's."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("momentwatch test authority")
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = Certificates(folder / "authority.pem", folder / "broker.pem", folder / "client.pem", folder / "client.key")
    made.authority.write_bytes(_pem(authority))
    for common_name, certificate_file, key_file in (
        ("localhost", made.broker, made.broker),
        (USER, made.client_certificate, made.client_key),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            _builder(_name(common_name), authority_name, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        # Kafka reads a key and its chain from one PEM file, the key in PKCS 8.
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_file.write_bytes(key_pem)
        with certificate_file.open("ab") as file:
            file.write(_pem(signed))
            file.write(_pem(authority))
    return made


def listener_properties(listener: Listener, certificates: Certificates | None) -> dict[str, str]:
    """The broker's properties of one listener."""
    prefix = f"listener.name.{listener.name.lower()}."
    properties: dict[str, str] = {}
    if listener.mechanisms:
        properties[f"{prefix}sasl.enabled.mechanisms"] = ",".join(listener.mechanisms)
    for mechanism in listener.mechanisms:
        module = (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
            if mechanism == "PLAIN"
            else "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        )
        properties[f"{prefix}{mechanism.lower()}.sasl.jaas.config"] = module
    if listener.encrypted and certificates is not None:
        properties |= {
            f"{prefix}ssl.keystore.type": "PEM",
            f"{prefix}ssl.keystore.location": str(certificates.broker),
            f"{prefix}ssl.truststore.type": "PEM",
            f"{prefix}ssl.truststore.location": str(certificates.authority),
            f"{prefix}ssl.client.auth": listener.client_auth,
        }
    return properties


def client_settings(
    listener: Listener, certificates: Certificates | None, mechanism: str | None = None
) -> dict[str, Any]:
    """What a kafka-python client must be told to pass that listener; by the first mechanism unless told."""
    settings: dict[str, Any] = {"security_protocol": listener.protocol}
    if listener.mechanisms:
        settings |= {
            "sasl_mechanism": mechanism or listener.mechanisms[0],
            "sasl_plain_username": USER,
            "sasl_plain_password": PASSWORD,
        }
    if listener.encrypted and certificates is not None:
        settings["ssl_cafile"] = str(certificates.authority)
        if listener.client_auth == "required":
            settings |= {
                "ssl_certfile": str(certificates.client_certificate),
                "ssl_keyfile": str(certificates.client_key),
            }
    return settings


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
