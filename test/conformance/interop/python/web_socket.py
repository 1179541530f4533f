"""WebSockets of the library websockets: `web_socket.py server PORT`; `web_socket.py client HOST PORT` writes what it sees."""

import asyncio
import sys

import websockets

SUBPROTOCOLS = ["weft.test"]
LIMIT = 8 << 20

# How clients have closed, as the server sees it.
closes = []


async def serve(socket, _=None):
    try:
        async for message in socket:
            if message == "ping me":
                await asyncio.wait_for(await socket.ping(), 10)
                await socket.send("the client has answered a ping")
            elif message == "leave":
                await socket.close(4002, "the server is done")
            elif message == "die":
                socket.transport.abort()
            elif message == "how was it closed?":
                while not closes:
                    await asyncio.sleep(0.01)
                await socket.send(closes.pop())
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    if socket.close_code in (4001, 1006):
        closes.append(f"{socket.close_code} {socket.close_reason}")


async def server(port):
    async with websockets.serve(serve, "127.0.0.1", port, subprotocols=SUBPROTOCOLS, max_size=LIMIT):
        await asyncio.get_running_loop().create_future()


async def client(host, port):
    def connect():
        return websockets.connect(f"ws://{host}:{port}/", subprotocols=SUBPROTOCOLS, max_size=LIMIT, open_timeout=10)

    async def closed(socket):
        try:
            await asyncio.wait_for(socket.recv(), 10)
            return "open"
        except websockets.ConnectionClosed:
            return f"{socket.close_code} {socket.close_reason}"

    async def seen_by_server():
        async with connect() as socket:
            await socket.send("how was it closed?")
            return await asyncio.wait_for(socket.recv(), 10)

    async with connect() as socket:
        print("the subprotocol is", socket.subprotocol)
        for name, message in [
            ("a text", "grüße"),
            ("every octet", bytes(range(256))),
            ("an empty message", ""),
            ("2 MiB of text", "x" * (2 << 20)),
            ("2 MiB of octets", bytes(i * 7 % 251 for i in range(2 << 20))),
        ]:
            await socket.send(message)
            print(name, "comes back" if await socket.recv() == message else "is damaged")
        await socket.send(["in ", "three ", "fragments"])
        print(await socket.recv())
        for i in range(100):
            await socket.send(str(i))
        print(" ".join([await socket.recv() for _ in range(100)]))
        await asyncio.wait_for(await socket.ping(), 10)
        print("the server has answered a ping")
        await socket.send("ping me")
        print(await socket.recv())
        await socket.close(4001, "the client is done")
        print("the client closes, and sees", socket.close_code, socket.close_reason)
    print("the server sees", await seen_by_server())
    async with connect() as socket:
        await socket.send("leave")
        print("the server closes, and the client sees", await closed(socket))
    async with connect() as socket:
        await socket.send("die")
        print("the server dies, and the client sees", await closed(socket))
    print("the server sees", await seen_by_server())
    async with connect() as socket:
        socket.transport.abort()
    print("the client dies, and the server sees", await seen_by_server())


role, *where = sys.argv[1:]
asyncio.run(server(int(where[0])) if role == "server" else client(where[0], int(where[1])))
