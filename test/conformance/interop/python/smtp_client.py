"""Sends a mail to the SMTP server at an address: `smtp_client.py plain|starttls HOST PORT` writes what it is told."""

import smtplib
import ssl
import sys

how, host, port = sys.argv[1:]
with smtplib.SMTP(host, int(port), local_hostname="client.test", timeout=10) as client:
    if how == "starttls":
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        print(client.starttls(context=unverified), client.sock.version())
    print(client.ehlo()[0])
    print(client.mail("a@client.test"), client.rcpt("b@server.test"))
    print(client.data("Subject: GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n" + "x" * 70 + "\r\n.\r\n" * 2000))
