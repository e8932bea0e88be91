"""An SMTP server for tests, on a free port of this machine: script/test-python script/smtp-server.py …

Its first line is its port. Then it writes a line of JSON for each mail that it has taken. It is the PyPI
package aiosmtpd, and it can be made to misbehave: in a share of the conversations it answers 4xx at one of
several steps, falls silent, breaks off, or breaks off after it has taken the mail. An address that begins
with "refused" is refused for good. It ends when its standard input does.
"""

import argparse
import asyncio
import json
import random
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

TROUBLE = ["451 at RCPT", "451 after DATA", "break off at RCPT", "break off after DATA", "lose the answer", "be silent"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--trouble", type=float, default=0.0, help="share of mails that go wrong, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Handler:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        is_wrong = self.random.random() < self.options.trouble
        session.trouble = self.random.choice(TROUBLE) if is_wrong else None
        if session.trouble == "451 at RCPT":
            return "451 4.3.0 not now"
        if session.trouble == "break off at RCPT":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        trouble = session.trouble
        if trouble == "451 after DATA":
            return "451 4.3.0 not now"
        if trouble == "break off after DATA":
            server.transport.abort()
            return "250 OK"
        if trouble == "be silent":
            await asyncio.Event().wait()
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8"),
            "tls": server.transport.get_extra_info("cipher") is not None,
            "user": session.auth_data.decode() if isinstance(session.auth_data, bytes) else None,
        }
        print(json.dumps(mail), flush=True)
        if trouble == "lose the answer":
            server.transport.abort()
        return "250 OK"


def authenticator(options):
    def authenticate(server, session, envelope, mechanism, auth_data):
        known = auth_data.login.decode() == options.user and auth_data.password.decode() == options.password
        return AuthResult(success=known, auth_data=auth_data.login if known else None, handled=known)

    return authenticate


async def serve(options):
    context = None
    if options.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.cert, options.key)
    handler = Handler(options)
    loop = asyncio.get_running_loop()

    def protocol():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            authenticator=authenticator(options) if options.user else None,
            auth_required=bool(options.user),
            auth_require_tls=options.tls == "starttls",
            enable_SMTPUTF8=True,
            loop=loop,
        )

    wrapper = context if options.tls == "tls" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=wrapper)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve(parse()))
