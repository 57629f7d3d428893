"""A real SMTP server for the tests (aiosmtpd), told by its arguments what to ask for.

server.py [--tls first|starttls] [--cert FILE --key FILE] [--user NAME:PASSWORD]

The first line of its output is its port; then each mail that it took is a line of JSON. It ends with its input.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

options = argparse.ArgumentParser()
options.add_argument("--tls", choices=["first", "starttls"])
options.add_argument("--cert")
options.add_argument("--key")
options.add_argument("--user")
asked = options.parse_args()


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox on secret-host"
        if address.startswith("busy@"):
            return "451 4.3.0 secret-host is busy"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        tell({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("ascii"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": bool(session.authenticated),
        })
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = f"{data.login.decode()}:{data.password.decode()}" == asked.user
    return AuthResult(success=good, handled=False)


def tell(value):
    print(json.dumps(value), flush=True)


async def main():
    context = None
    if asked.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.cert, asked.key)
    starttls = context if asked.tls == "starttls" else None
    auth = {}
    if asked.user:
        # Over TLS from the first byte the library does not see that there is TLS.
        auth = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": asked.tls == "starttls"}

    def factory():
        return SMTP(Mailbox(), tls_context=starttls, require_starttls=starttls is not None, hostname="mail.example", loop=loop, **auth)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context if asked.tls == "first" else None)
    tell(server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
