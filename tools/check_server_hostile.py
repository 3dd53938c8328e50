#!/usr/bin/env python3
"""Sends `aviary serve` what nobody should send, and checks that it lives, stays small and answers others.

    python tools/check_server_hostile.py [--count 10000] [--seed 0]

Damaged bodies of every kind (JSON and binary tensors, forms, JPEG, PNG, WebP, rows of tables), pictures that would be
gigabytes, heads that never end, bodies that trickle, chunks that lie, connections that break off, and, all the while, a few
dozen silent connections. Needs numpy and pillow.
"""

import argparse
import collections
import concurrent.futures
import gzip
import json
import pathlib
import random
import socket
import struct
import sys
import tempfile
import threading
import time
import zlib

from serving import ROOT, Checks, Server, aviary_path, encoded, photograph, request, trained_table


def damaged(random, body):
    """Some bytes changed, taken out, doubled, or put in."""
    body = bytearray(body)
    for _ in range(random.randint(1, 6)):
        at, size = random.randrange(len(body) + 1), random.choice([1, 1, 2, 4, 40])
        kind = random.randrange(5)
        if kind == 0:
            body[at:at + size] = random.randbytes(size)
        elif kind == 1:
            del body[at:at + size]
        elif kind == 2:
            body[at:at] = body[max(0, at - size * 8):at]
        elif kind == 3:
            body[at:at + 1] = random.choice([b"\xff" * 8, b"\0" * 8, b"[" * 300, b"{", b"\"", b"1e999", b"-1", b"9" * 40, b"\r\n\r\n--b"])
        else:
            body = body[:at]
        body = body or bytearray(b"x")
    return bytes(body)


def png_bomb(width, height):
    """A PNG file of a few kilobytes or megabytes that is `3 * width * height` bytes large."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    # Not all of what would be gigabytes: what is told of the size is refused before.
    compressor, left, data = zlib.compressobj(9), min((1 + 3 * width) * height, 200 << 20), b""
    while left > 0:
        data += compressor.compress(bytes(min(left, 1 << 20)))
        left -= 1 << 20
    data += compressor.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def jpeg_of_size(body, width, height):
    """The same JPEG file, which says that it is larger."""
    body = bytearray(body)
    at = next(at for at in range(len(body) - 9) if body[at] == 0xff and body[at + 1] in (0xc0, 0xc2))
    body[at + 5:at + 9] = struct.pack(">HH", height, width)
    return bytes(body)


def scans(body, count):
    """A progressive JPEG file with its last scan many times over."""
    start = body.rindex(b"\xff\xda")
    return body[:start] + body[start:-2] * count + b"\xff\xd9"


def webp_of_size(body):
    """A lossless WebP file that says 16384 x 16384."""
    at = body.index(b"VP8L") + 9
    return body[:at] + struct.pack("<I", 16383 | 16383 << 14) + body[at + 4:]


class Attacks:
    def __init__(self, port):
        self.port = port
        image = photograph(0, 320, 240)
        self.pictures = [encoded(image), encoded(image, progressive=True), encoded(image, "PNG"),
                         encoded(image, "WEBP"), encoded(image, "WEBP", lossless=True), encoded(image.convert("P"), "PNG"),
                         encoded(image.convert("CMYK")), encoded(image.convert("I;16"), "PNG")]
        jpeg, progressive = self.pictures[:2]
        self.bombs = [png_bomb(60000, 60000), png_bomb(6000, 6000), png_bomb(1, 2**31 - 1), png_bomb(2**31 - 1, 1),
                      jpeg_of_size(jpeg, 65500, 65500), jpeg_of_size(progressive, 65500, 65500), jpeg_of_size(progressive, 6300, 6300),
                      scans(progressive, 2000), webp_of_size(self.pictures[4])]
        pixels = bytes(range(256)) * 12
        self.tensors = []
        for datatype, shape, data in [("UINT8", [1, 32, 32, 3], pixels), ("FP32", [1, 3, 64, 64], bytes(49152)),
                                      ("BYTES", [1], struct.pack("<I", len(jpeg)) + jpeg)]:
            header = json.dumps({"id": "1", "inputs": [{"name": "input", "datatype": datatype, "shape": shape,
                                                       "parameters": {"binary_data_size": len(data)}}],
                                 "outputs": [{"name": "probabilities", "parameters": {"classification": 3, "binary_data": True}}]})
            self.tensors.append((header.encode(), data))
        self.json = [json.dumps({"inputs": [{"name": "input", "datatype": "UINT8", "shape": [8, 8, 3], "data": [1] * 192}]}).encode(),
                     b'{"inputs":[{"name":"input","datatype":"FP32","shape":[1],"data":' + b"[" * 5000 + b"]}]}",
                     b"[" * 100000, b'{"inputs":[' + b"{}," * 100000 + b"{}]}", b'"' + b"\\u0000" * 200000 + b'"']
        self.rows = [b'{"age":1,"colour":"red"}', b'[{"age":1,"colour":"red"},{"age":null,"colour":"green"}]', b'{"instances":[{"age":"7"}]}',
                     b"[" + b"{}," * 4000 + b"{}]", b"[" + b"1," * 1000000 + b"1]"]
        form = b"--b\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x.jpg\"\r\n\r\n"
        self.zipped = gzip.compress(gzip.compress(bytes(100 << 20)))
        self.forms = [form + jpeg + b"\r\n--b--\r\n", form + b"x\r\n--b--", b"--b\r\n\r\n" * 10000, b"\r\n--b" * 50000]

    def run(self, random):
        kinds = [self.picture] * 6 + [self.tensor] * 5 + [self.text] * 3 + [self.form] * 3 + [self.row] * 2 + [
            self.head, self.length] * 3 + [self.broken] * 3 + [self.chunked] * 2 + [
            self.large, self.bomb, self.packed, self.pipelined]
        kind = random.choice(kinds)
        try:
            return f"{kind.__name__} {kind(random)}"
        except (OSError, ValueError, IndexError) as error:
            return f"{kind.__name__} {type(error).__name__}"

    def post(self, target, body, *headers):
        return request(self.port, "POST", target, body, headers)[0]

    def picture(self, random):
        return self.post(random.choice(["/predict", "/predict", "/explain"]) + "?model=pets", damaged(random, random.choice(self.pictures)))

    def tensor(self, random):
        header, data = random.choice(self.tensors)
        length = len(header)
        if random.random() < 0.5:
            header = damaged(random, header)
            length = random.choice([len(header), length, random.randrange(10**6), -1])
        else:
            data = damaged(random, data)
        return self.post("/v2/models/pets/infer", header + data, f"Inference-Header-Content-Length: {length}")

    def text(self, random):
        body = random.choice(self.json)
        return self.post("/v2/models/pets/infer", damaged(random, body) if random.random() < 0.8 else body, "Content-Type: application/json")

    def form(self, random):
        body = random.choice(self.forms)
        return self.post("/predict?model=pets", damaged(random, body) if random.random() < 0.8 else body, "Content-Type: multipart/form-data; boundary=b")

    def row(self, random):
        body = random.choice(self.rows)
        return self.post("/predict?model=kinds", damaged(random, body) if random.random() < 0.8 else body, "Content-Type: application/json")

    def bomb(self, random):
        body = random.choice(self.bombs)
        return self.post("/predict?model=pets", damaged(random, body) if random.random() < 0.2 else body)

    def large(self, random):
        if random.random() < 0.5:
            return self.raw(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + bytes(5000))
        return self.post("/predict?model=pets", bytes(17 << 20))

    def head(self, random):
        head = damaged(random, b"POST /v2/models/pets/infer?model=a%20b&top=3 HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                       b"boundary=\"b\"\r\nAccept: image/png;q=0.5, */*\r\nX-Request-Timeout: 1\r\nX-Request-Id: 7\r\nContent-Length: 4\r\n\r\n")
        if random.random() < 0.1:
            head = b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n"
        return self.raw(head + b"body")

    def length(self, random):
        """A length that is not the body's, or several of them: what another request could be smuggled in by."""
        size = len(self.pictures[0])
        lengths = random.choice([
            [str(size - 7)], [str(size + 7)], ["-1"], ["0"], ["+5"], ["0x10"], [""], ["1e3"], ["9" * 30], [str(size), "3"], [f"{size}, {size}"],
            [str(size), str(size)]])
        lines = [f"Content-Length: {length}" for length in lengths]
        if random.random() < 0.4:
            lines.append("Transfer-Encoding: " + random.choice(["chunked", "identity", "gzip, chunked", "chunked, chunked", "xchunked", " chunked"]))
        random.shuffle(lines)
        head = "\r\n".join(["POST /predict?model=pets HTTP/1.1", "Host: x", *lines]) + "\r\n\r\n"
        return self.raw(head.encode() + self.pictures[0] + b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n")

    def packed(self, random):
        """A few kilobytes that are a gigabyte."""
        kind = random.choice(["gzip", "deflate", "br", "gzip, gzip", "GZIP"])
        return self.post("/predict?model=pets", self.zipped, f"Content-Encoding: {kind}")

    def broken(self, random):
        whole = b"POST /predict?model=pets HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(self.pictures[0]) + self.pictures[0]
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(whole[:random.randrange(len(whole))])
            if random.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return "broken off"

    def chunked(self, random):
        body = b"POST /predict?model=pets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        body += b"%x\r\n" % len(self.pictures[0]) + self.pictures[0] + b"\r\n0\r\n\r\n"
        return self.raw(damaged(random, body))

    def pipelined(self, random):
        return self.raw((b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n" * 200) + b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nxx")

    def raw(self, content):
        """Sends, then reads a little and goes."""
        with socket.create_connection(("127.0.0.1", self.port), 3) as connection:
            try:
                connection.sendall(content)
                connection.settimeout(0.3)
                answer = connection.recv(4096)
            except OSError:
                return "nothing"
        words = answer.split(b" ", 2)
        return words[1].decode("latin-1") if len(words) > 1 else "nothing"


def loris(port, end):
    """Connections that say a byte now and then, and begin again when they are cut off."""
    connections = {}
    while not end.wait(0.5):
        for number in range(40):
            try:
                if number not in connections:
                    connections[number] = socket.create_connection(("127.0.0.1", port), 5)
                    connections[number].sendall(b"POST /predict HTTP/1.1\r\n" + (b"Host: x\r\nContent-Length: 500\r\n\r\n" if number % 2 else b"X-"))
                connections[number].sendall(b"x")
            except OSError:
                connections.pop(number, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aviary", help="the command (the release build's, else that of tools/test)")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--growth", type=float, default=64, help="the most MiB that memory may grow after the first fifth (64)")
    parser.add_argument("--checkpoint", default=str(ROOT / "Weights/resnet18-cifar10.h5"), help="a network for photographs")
    parser.add_argument("--table", help="a network for rows of a table with the columns age and colour (one that is trained in a moment)")
    options = parser.parse_args()
    aviary, check = aviary_path(options.aviary), Checks()
    with tempfile.TemporaryDirectory(prefix="aviary-hostile-") as folder:
        folder = pathlib.Path(folder)
        table = options.table or trained_table(aviary, folder)
        with Server(aviary, f"pets={options.checkpoint}", f"kinds={table}", "--timeout", "10", "--idle-timeout", "3",
                    "--log-level", "error", log=folder / "log") as server:
            attacks = Attacks(server.port)
            good = attacks.pictures[0]
            expected = request(server.port, "POST", "/predict?model=pets", good)
            check("a good picture is classified", expected[0] == 200)
            end = threading.Event()
            silent = threading.Thread(target=loris, args=(server.port, end))
            silent.start()
            outcomes, memory, wrong, slowest = collections.Counter(), [], 0, 0
            piece = max(1, options.count // 20)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for first in range(0, options.count, piece):
                    numbers = range(first, min(first + piece, options.count))
                    for outcome in pool.map(lambda number: attacks.run(random.Random(options.seed * 10**9 + number)), numbers):
                        outcomes[outcome] += 1
                    if server.process.poll() is not None:
                        break
                    start = time.monotonic()
                    answer = request(server.port, "POST", "/predict?model=pets", good)
                    slowest = max(slowest, time.monotonic() - start)
                    wrong += answer[0] != 200 or answer[2] != expected[2]
                    memory.append(server.resident)
                    print(f"     {first + len(numbers)} requests, {wrong} good pictures wrong, {memory[-1]:.0f} MiB", flush=True)
            end.set()
            silent.join()
            for outcome, count in sorted(outcomes.items()):
                print(f"     {count:6} {outcome}")
            check("the server lives", server.process.poll() is None, f"exit status {server.process.poll()}")
            check("good pictures are answered in between", wrong == 0, f"{wrong} wrong, the slowest after {slowest:.1f} s")
            early = max(memory[: max(1, len(memory) // 5)])
            check("memory does not grow", memory[-1] - early < options.growth, f"{memory[0]:.0f}, {early:.0f}, …, {memory[-1]:.0f} MiB")
            bad = {outcome: count for outcome, count in outcomes.items() if outcome.split()[-1] in ("500", "502")}
            check("nothing is the server's own fault", not bad, bad or "")
            check("it ends when asked to", server.stop() == 0)
        faults = (folder / "log").read_text().splitlines()
        check("no line is not JSON", all(line.startswith("{") for line in faults), faults[:3])
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
