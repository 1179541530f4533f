"""Encodes and decodes header blocks with the package hpack; the commands are those of ../go/main.go."""

import sys

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple


def decoder():
    return Decoder(max_header_list_size=1 << 24)


def main():
    encode, decode = Encoder(), decoder()
    sys.stdout.reconfigure(line_buffering=True)
    for line in sys.stdin:
        words = line.rstrip("\n").split(" ")
        if words[0] == "N":
            encode, decode = Encoder(), decoder()
        elif words[0] == "E":
            if words[1] != "-":
                encode.header_table_size = int(words[1])
            texts = [bytes.fromhex(text) for text in words[2].split(",")]
            fields = [
                NeverIndexedHeaderTuple(name, value) if name == b"authorization" else (name, value)
                for name, value in zip(texts[::2], texts[1::2])
            ]
            print(encode.encode(fields).hex())
        else:
            try:
                fields = decode.decode(bytes.fromhex(words[1]), raw=True)
                print(",".join(text.hex() for field in fields for text in field))
            except HPACKError:
                print("error")


main()
