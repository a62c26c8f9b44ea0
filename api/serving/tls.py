"""HTTPS by the desk itself, for a site without a proxy: TLS 1.2 and up, with a certificate from files."""

import ssl
from pathlib import Path

from api.platform.errors import SettingsError


def context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """The server's TLS context. Raises SettingsError where the files are not usable or do not match."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password here, OpenSSL would ask for it at the terminal.
        made.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise SettingsError(
            f"tls_certificate {certificate}, tls_key {key or certificate}: {reason}"
        ) from error
    return made
