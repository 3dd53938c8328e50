#!/usr/bin/env python3
"""Packed requests for the fuzzer and the tests of gzip, as Base64: python tools/goldens_gzip.py"""

import base64
import gzip
import struct
import zlib

INFER = b'{"inputs":[{"name":"input","shape":[2,2],"datatype":"FP32","data":[[1,2.5e0],[-3,4]]}],"outputs":[{"name":"logits"}]}'
FORM = (b'--b\r\nContent-Disposition: form-data; name="top"\r\n\r\n3\r\n--b\r\nContent-Disposition: form-data; name="a"; '
        b'filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\nbytes\r\n--b--\r\n')
ROWS = b'{"instances":[{"age":1.5,"colour":"red"},{"age":null,"colour":"green"}]}'
ROW = b'{"age": 2, "colour": "blue"}'


def packed(content):
    return gzip.compress(content, mtime=0)


def with_fields(content):
    """A member whose header has an extra field, a name, a comment and a checksum (RFC 1952)."""
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\0\xff" + struct.pack("<H", 4) + b"abcd" + b"rows.json\0" + b"a comment\0"
    deflate = zlib.compressobj(wbits=-15)
    return (head + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + deflate.compress(content) + deflate.flush()
            + struct.pack("<II", zlib.crc32(content), len(content)))


def show(name, content):
    print(f'{name}: "{base64.b64encode(content).decode()}"')


show("infer, gzip", packed(INFER))
show("form, deflate", zlib.compress(FORM))
show("rows, gzip of two members", packed(ROWS[:30]) + packed(ROWS[30:]))
show("rows, gzip with every field and zeros behind", with_fields(ROWS) + bytes(8))
show("rows, gzip of a wrong length", packed(ROWS)[:-4] + struct.pack("<I", len(ROWS) + 1))
show("rows, gzip with bytes behind", packed(ROWS) + b"more")
show("100,000 zeros, gzip", packed(bytes(100_000)))
show("a row, gzip of two members", packed(ROW[:11]) + packed(ROW[11:]))
show("a row, gzip with bytes behind", packed(ROW) + b"more")
show("a row, gzip with zeros behind", packed(ROW) + bytes(4))
show("an empty member, gzip", packed(b""))
