"""The rival of bench/issue.py: an aiohttp handler that checks and signs a CSR with `cryptography`, and forgets it."""

import asyncio
import datetime
import json
import os
import secrets
import sys
from pathlib import Path

import uvloop
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from es_pki.adapters.http import server, tls

KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Bare CA")])
LIFE = datetime.timedelta(days=90)


async def sign(request: web.Request) -> web.Response:
    """Sign the CSR of the body with the extensions that any certificate has."""
    body = json.loads(await request.read())
    csr = x509.load_pem_x509_csr(body["csr"].encode())
    if not csr.is_signature_valid:
        raise web.HTTPBadRequest
    now = datetime.datetime.now(datetime.UTC)
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    key, own = csr.public_key(), KEY.public_key()
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(ISSUER)
        .subject_name(csr.subject)
        .public_key(key)
        .serial_number(secrets.randbits(159))
        .not_valid_before(now)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
    )
    pem = builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    return web.json_response({"result": {"certificate_pem": pem}})


async def serve(ready: Path) -> None:
    """Serve with a self-signed TLS certificate, then write where."""
    context = tls.server_context()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bare")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = x509.CertificateBuilder(name, name, KEY.public_key(), 1, now, now + LIFE).sign(KEY, hashes.SHA256())
    tls.use(
        context,
        certificate.public_bytes(Encoding.PEM).decode(),
        KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )
    application = web.Application()
    application.router.add_post("/api/v1/commands/{name}", sign)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    bound = server.bind("127.0.0.1", 0)
    await web.SockSite(runner, bound, ssl_context=context).start()
    ready.write_text(json.dumps({"url": f"https://{server.address(bound)}", "pid": os.getpid()}))
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
