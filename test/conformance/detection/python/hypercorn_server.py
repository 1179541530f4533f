"""An application below hypercorn: `hypercorn_server.py PORT` writes a line of JSON for each request that it serves."""

import asyncio
import json
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])

    def values(name):
        return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)

    served = {
        "port": scope["client"][1],
        "identity": values(b"l5d-client-id"),
        "certificate": values(b"x-forwarded-client-cert"),
        "request": f"{scope['method']} {scope['raw_path'].decode('latin-1')[:80]} HTTP/{scope['http_version']}",
    }
    sys.stdout.write(json.dumps(served) + "\n")
    sys.stdout.flush()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"served\n"})


config = Config()
config.bind = [f"127.0.0.1:{sys.argv[1]}"]
config.backlog = 1024
config.h11_max_incomplete_size = 256 * 1024
config.errorlog = None
asyncio.run(serve(application, config))
