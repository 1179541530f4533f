"""Sends a mail to the SMTP server at a port: `smtp_client.py PORT` writes what it is told."""

import smtplib
import sys

with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="client.test", timeout=10) as client:
    print(client.ehlo()[0])
    print(client.mail("a@client.test"), client.rcpt("b@server.test"))
    print(client.data("Subject: GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n"))
