"""gRPC's interoperability cases with grpcio: `grpc_interop.py server PORT` and `grpc_interop.py client PORT CASE`.

The cases are those of gRPC's interop-test-descriptions.
"""

import os
import queue
import sys
import threading
import time
from concurrent import futures

import grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
pb, services = grpc.protos_and_services("testing.proto")

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)


def payload(size):
    return pb.Payload(body=bytes(size))


class Server(services.TestServiceServicer):
    def _begin(self, context, request=None):
        metadata = dict(context.invocation_metadata())
        if INITIAL in metadata:
            context.send_initial_metadata(((INITIAL, metadata[INITIAL]),))
        if TRAILING in metadata:
            context.set_trailing_metadata(((TRAILING, metadata[TRAILING]),))

    def _status(self, context, request):
        if request.HasField("response_status") and request.response_status.code != 0:
            code = next(each for each in grpc.StatusCode if each.value[0] == request.response_status.code)
            context.abort(code, request.response_status.message)

    def EmptyCall(self, request, context):
        self._begin(context)
        return pb.Empty()

    def UnaryCall(self, request, context):
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        self._begin(context)
        self._status(context, request)
        return pb.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        if any(each.compressed.value for each in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        for each in request.response_parameters:
            if not each.compressed.value:
                context.disable_next_message_compression()
            time.sleep(each.interval_us / 1e6)
            yield pb.StreamingOutputCallResponse(payload=payload(each.size))

    def StreamingInputCall(self, requests, context):
        size = sum(len(each.payload.body) for each in requests)
        return pb.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        self._begin(context)
        for request in requests:
            self._status(context, request)
            yield from self.StreamingOutputCall(request, context)


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    services.add_TestServiceServicer_to_server(Server(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


class Requests:
    """Messages of a stream that the test sends one by one."""

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, message):
        self._queue.put(message)

    def close(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


def duplex(size, response):
    return pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=response)], payload=payload(size)
    )


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_status(call, code, message=None):
    try:
        call()
    except grpc.RpcError as error:
        expect(error.code() == code, f"{error.code()} rather than {code}: {error.details()}")
        expect(message is None or error.details() == message, f"message {error.details()!r}")
    else:
        raise AssertionError(f"succeeded rather than {code}")


def empty_unary(stub, _channel):
    expect(stub.EmptyCall(pb.Empty()) == pb.Empty(), "an empty answer")


def large_unary(stub, _channel):
    answer = stub.UnaryCall(pb.SimpleRequest(response_size=314159, payload=payload(271828)))
    expect(answer.payload.body == bytes(314159), f"{len(answer.payload.body)} octets")


def client_compressed_unary(stub, _channel):
    request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
    for compression in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
        answer = stub.UnaryCall(request, compression=compression)
        expect(len(answer.payload.body) == 314159, f"{len(answer.payload.body)} octets")


def server_compressed_unary(stub, _channel):
    for compressed in (True, False):
        request = pb.SimpleRequest(
            response_size=314159, payload=payload(271828), response_compressed=pb.BoolValue(value=compressed)
        )
        answer, call = stub.UnaryCall.with_call(request)
        expect(len(answer.payload.body) == 314159, f"{len(answer.payload.body)} octets")


def client_streaming(stub, _channel):
    answer = stub.StreamingInputCall(pb.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    expect(answer.aggregated_payload_size == 74922, f"{answer.aggregated_payload_size} octets")


def client_compressed_streaming(stub, _channel):
    answer = stub.StreamingInputCall(
        (pb.StreamingInputCallRequest(payload=payload(size)) for size in (27182, 45904)),
        compression=grpc.Compression.Gzip,
    )
    expect(answer.aggregated_payload_size == 73086, f"{answer.aggregated_payload_size} octets")


def server_streaming(stub, _channel):
    request = pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=size) for size in RESPONSE_SIZES]
    )
    sizes = tuple(len(each.payload.body) for each in stub.StreamingOutputCall(request))
    expect(sizes == RESPONSE_SIZES, sizes)


def server_compressed_streaming(stub, _channel):
    request = pb.StreamingOutputCallRequest(
        response_parameters=[
            pb.ResponseParameters(size=31415, compressed=pb.BoolValue(value=True)),
            pb.ResponseParameters(size=92653, compressed=pb.BoolValue(value=False)),
        ]
    )
    sizes = tuple(len(each.payload.body) for each in stub.StreamingOutputCall(request))
    expect(sizes == (31415, 92653), sizes)


def ping_pong(stub, _channel):
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests))
    for size, response in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.send(duplex(size, response))
        answer = next(answers)
        expect(len(answer.payload.body) == response, f"{len(answer.payload.body)} rather than {response}")
    requests.close()
    expect(list(answers) == [], "the end")


def empty_stream(stub, _channel):
    expect(list(stub.FullDuplexCall(iter(()))) == [], "no answers")


def timeout_on_sleeping_server(stub, _channel):
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests), timeout=0.001)
    requests.send(pb.StreamingOutputCallRequest(payload=payload(27182)))
    expect_status(lambda: list(answers), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.close()


def cancel_after_begin(stub, _channel):
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests))
    call.cancel()
    requests.close()
    expect(call.cancelled() and call.code() == grpc.StatusCode.CANCELLED, call.code())


def cancel_after_first_response(stub, _channel):
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests))
    requests.send(duplex(27182, 31415))
    expect(len(next(answers).payload.body) == 31415, "the first answer")
    answers.cancel()
    expect_status(lambda: next(answers), grpc.StatusCode.CANCELLED)
    requests.close()


def custom_metadata(stub, _channel):
    metadata = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
    request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests), metadata=metadata)
    requests.send(duplex(271828, 314159))
    next(answers)
    requests.close()
    list(answers)
    for call in (stub.UnaryCall.with_call(request, metadata=metadata)[1], answers):
        initial, trailing = dict(call.initial_metadata()), dict(call.trailing_metadata())
        expect(initial.get(INITIAL) == "test_initial_metadata_value", initial)
        expect(trailing.get(TRAILING) == b"\xab\xab\xab", trailing)


def _status(stub, message):
    status = pb.EchoStatus(code=2, message=message)
    expect_status(
        lambda: stub.UnaryCall(pb.SimpleRequest(response_status=status)), grpc.StatusCode.UNKNOWN, message
    )
    request = pb.StreamingOutputCallRequest(response_status=status)
    expect_status(lambda: list(stub.FullDuplexCall(iter((request,)))), grpc.StatusCode.UNKNOWN, message)


def status_code_and_message(stub, _channel):
    _status(stub, "test status message")


def special_status_message(stub, _channel):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=message))
    expect_status(lambda: stub.UnaryCall(request), grpc.StatusCode.UNKNOWN, message)


def unimplemented_method(stub, _channel):
    expect_status(lambda: stub.UnimplementedCall(pb.Empty()), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(_stub, channel):
    stub = services.UnimplementedServiceStub(channel)
    expect_status(lambda: stub.UnimplementedCall(pb.Empty()), grpc.StatusCode.UNIMPLEMENTED)


def concurrent_unary(stub, channel):
    faults = []

    def call():
        try:
            large_unary(stub, channel)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=call) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not faults, faults[:1])


def main():
    if sys.argv[1] == "server":
        return serve(sys.argv[2])
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[2]}") as channel:
        globals()[sys.argv[3]](services.TestServiceStub(channel), channel)


main()
