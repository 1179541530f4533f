"""Logs in at the FTP server of a port, without data connections: `ftp_client.py PORT` writes what it is told."""

import ftplib
import sys

with ftplib.FTP() as client:
    print(client.connect("127.0.0.1", int(sys.argv[1]), timeout=10))
    print(client.login())
    print(client.sendcmd("PWD"), client.sendcmd("NOOP"))
