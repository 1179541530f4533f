"""Python's HTTP clients: `http_clients.py NAME PORT` prints what each case was answered."""

import asyncio
import http.client
import sys

PIECES = (b"first ", b"x" * 70_000, b" last")


def show(name, version, status, headers, body):
    print(f"## {name}")
    print(version, status)
    for key, value in sorted((key.lower(), value) for key, value in headers):
        print(f"{key}: {value}")
    print(body.decode() if len(body) < 8000 else f"{len(body)} octets")


def standard_library(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(name, method, path, **options):
        connection.request(method, path, headers={"X-One": "1", **options.pop("headers", {})}, **options)
        answer = connection.getresponse()
        show(name, answer.version, answer.status, answer.getheaders(), answer.read())

    ask("GET", "GET", "/a?q=%2F")
    ask("HEAD", "HEAD", "/head")
    ask("POST with a length", "POST", "/post", body=b"x" * 100_000)
    ask("POST in chunks", "POST", "/post", body=iter(PIECES), encode_chunked=True)
    ask("204", "GET", "/status/204")
    ask("500", "GET", "/status/500")
    ask("an answer of 1 MiB", "GET", "/large")
    connection.close()


def requests_library(port):
    import requests

    with requests.Session() as session:

        def ask(name, method, path, **options):
            answer = session.request(
                method, f"http://127.0.0.1:{port}{path}", timeout=30, allow_redirects=False, **options
            )
            show(name, answer.raw.version, answer.status_code, answer.headers.items(), answer.content)

        ask("GET", "GET", "/a?q=%2F", params={"r": "é"})
        ask("HEAD", "HEAD", "/head")
        ask("a form", "POST", "/form", data={"a": "1", "b": "zwei"})
        ask("JSON", "PUT", "/json", json={"a": [1, 2]})
        ask("POST in chunks", "POST", "/post", data=iter(PIECES))
        ask("302", "GET", "/status/302")
        ask("404", "GET", "/status/404")
        ask("an answer of 1 MiB", "GET", "/large")


def httpx_library(port, http2):
    import httpx

    with httpx.Client(http1=not http2, http2=http2, timeout=30) as session:

        def ask(name, method, path, **options):
            answer = session.request(method, f"http://127.0.0.1:{port}{path}", **options)
            show(name, answer.http_version, answer.status_code, answer.headers.multi_items(), answer.content)

        ask("GET", "GET", "/a?q=%2F")
        ask("HEAD", "HEAD", "/head")
        ask("JSON", "PUT", "/json", json={"a": [1, 2]})
        ask("POST without a length", "POST", "/post", content=iter(PIECES))
        ask("204", "GET", "/status/204")
        ask("503", "GET", "/status/503")
        ask("an answer of 1 MiB", "GET", "/large")
        with session.stream("GET", f"http://127.0.0.1:{port}/large") as answer:
            next(answer.iter_raw())
        ask("after an answer that was given up", "GET", "/after")


async def aiohttp_library(port):
    import aiohttp

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:

        async def ask(name, method, path, **options):
            async with session.request(method, f"http://127.0.0.1:{port}{path}", **options) as answer:
                body = await answer.read()
                show(name, answer.version, answer.status, answer.headers.items(), body)

        async def pieces():
            for piece in PIECES:
                yield piece

        await ask("GET", "GET", "/a?q=1")
        await ask("HEAD", "HEAD", "/head")
        await ask("POST in chunks", "POST", "/post", data=pieces())
        await ask("Expect: 100-continue", "PUT", "/put", data=b"body", expect100=True)
        await ask("404", "GET", "/status/404")
        await ask("an answer of 1 MiB", "GET", "/large")


CLIENTS = {
    "http.client": standard_library,
    "requests": requests_library,
    "httpx-h1": lambda port: httpx_library(port, False),
    "httpx-h2c": lambda port: httpx_library(port, True),
    "aiohttp": lambda port: asyncio.run(aiohttp_library(port)),
}
CLIENTS[sys.argv[1]](int(sys.argv[2]))
