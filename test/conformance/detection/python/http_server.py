"""A server of http.server: `http_server.py PORT` writes a line of JSON for each request that it serves."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def serve(self):
        served = {
            "port": self.client_address[1],
            "identity": ", ".join(self.headers.get_all("l5d-client-id", [])),
            "certificate": ", ".join(self.headers.get_all("x-forwarded-client-cert", [])),
            "request": f"{self.command} {self.path[:80]} {self.request_version}",
        }
        sys.stdout.write(json.dumps(served) + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"served\n")

    def __getattr__(self, name):
        """Any method, as an application has it that is called for all of them."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, *_):
        """A client that has gone is nothing to write about."""


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
