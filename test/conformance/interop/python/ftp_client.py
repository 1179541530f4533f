"""Moves files to and from the FTP server at an address, in passive mode: `ftp_client.py HOST PORT` writes what it is told."""

import ftplib
import hashlib
import io
import sys
import time


class Slow(io.BytesIO):
    """A file whose reader waits before its first octet."""

    def read(self, *count):
        if self.tell() == 0:
            time.sleep(0.3)
        return super().read(*count)


def digest(octets):
    return len(octets), hashlib.sha256(octets).hexdigest()


host, port = sys.argv[1], int(sys.argv[2])
CONTENT = bytes(i * 7 % 251 for i in range(3_000_000))
with ftplib.FTP() as client:
    print(client.connect(host, port, timeout=10))
    print(client.login())
    print(client.sendcmd("PWD"), client.sendcmd("NOOP"))
    for name, file in [("at-once", io.BytesIO(CONTENT)), ("slow", Slow(CONTENT)), ("empty", io.BytesIO())]:
        print(name, client.storbinary(f"STOR {name}", file))
        fetched = bytearray()
        print(client.retrbinary(f"RETR {name}", fetched.extend), digest(fetched))
    print(sorted(client.nlst()))
    for name in client.nlst():
        print(client.delete(name))
    print(client.quit())
