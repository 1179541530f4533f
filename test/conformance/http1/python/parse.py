"""Reads transcripts (u32 length, octets) from stdin and says, one line each, how h11 reads them."""

import base64
import struct
import sys

import h11


def fields(pairs):
    named = sorted(((name.lower(), value) for name, value in pairs), key=lambda pair: pair[0])
    return b"".join(name + b": " + value + b"\n" for name, value in named)


def read(octets):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(octets)
    connection.receive_data(b"")
    messages = []
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                host = b"".join(value for name, value in request.headers if name == b"host")
                headers = [pair for pair in request.headers if pair[0] != b"host"]
                messages.append(
                    b"%s\n%s\n%s\n%s\n%d\n%s%s\0"
                    % (request.method, request.target, host, fields(headers), len(body), body, fields(event.headers))
                )
                connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return "closes_after_http/1.0_and_close", messages
                connection.start_next_cycle()
            else:
                return "-", messages
    except h11.RemoteProtocolError as error:
        return str(error).replace(" ", "_").replace("\n", "_") or "error", messages


def main():
    while len(length := sys.stdin.buffer.read(4)) == 4:
        fault, messages = read(sys.stdin.buffer.read(struct.unpack(">I", length)[0]))
        sys.stdout.write(fault + " " + base64.b64encode(b"".join(messages)).decode() + "\n")


main()
