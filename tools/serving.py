"""A server to test, and photographs and weights to test it with. Used by tools/check_server*.py and tools/check_page.py."""

import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def aviary_path(given=None):
    """The release build's command, or that of tools/test, or the one that is given."""
    if given:
        return pathlib.Path(given)
    for kind in ["release", "tests/release"]:
        path = ROOT / ".build" / kind / "aviary"
        if path.exists() and path.with_name("aviary-serve").exists():
            return path
    raise SystemExit("no aviary-serve was built: swift build -c release --traits Server --product aviary-serve, and aviary")


class Server:
    """`aviary serve` as a process."""

    def __init__(self, aviary, *arguments, log=None, environment=None):
        self.log = open(log, "w+b") if log else subprocess.DEVNULL
        # The line that a script needs is buffered by nobody.
        self.process = subprocess.Popen(
            [str(aviary), "serve", "--port", "0", *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline().decode().strip()
        if not line.startswith("http://"):
            raise SystemExit(f"aviary serve did not begin: {line}")
        self.address = line
        self.port = int(line.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None

    @property
    def resident(self):
        """Resident memory in MiB."""
        return resident(self.process.pid)


def resident(process):
    """Resident memory of a process in MiB."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def request(port, method, target, body=b"", headers=(), timeout=60):
    """One request on a connection of its own: (status, headers, body)."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}", *headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, v in (f.split(": ", 1) for f in fields)}, rest


def photograph(seed, width=500, height=375):
    """Something with the sizes of a photograph's file: smooth shapes and some noise."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize((width, height), Image.BICUBIC), dtype=np.int16)
    noisy = smooth + random.integers(-9, 10, smooth.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def encoded(image, kind="JPEG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def resnet18():
    """torchvision's ResNet18, under its names, with weights of a seed."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inner, outer, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outer)
            self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outer)
            self.downsample = None
            if stride != 1 or inner != outer:
                self.downsample = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

        def forward(self, x):
            y = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            widths = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
            for place, (inner, outer, stride) in enumerate(widths, 1):
                setattr(self, f"layer{place}", nn.Sequential(Block(inner, outer, stride), Block(outer, outer, 1)))
            self.fc = nn.Linear(512, 1000)

        def forward(self, x):
            x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(x.mean((2, 3)))

    torch.manual_seed(0)
    network = Network().eval()
    # Classes that differ from photograph to photograph, instead of a thousand with the same probability.
    with torch.no_grad():
        network.fc.weight *= 40
    return network


def resnet18_file(folder, aviary):
    """Those weights as a checkpoint of torchvision's and as one that says how images are prepared."""
    import torch

    weights, checkpoint = folder / "resnet18.pth", folder / "resnet18.h5"
    torch.save(resnet18().state_dict(), weights)
    subprocess.run(
        [aviary, "convert", weights, checkpoint, "--architecture", "resnet18", "--preprocessing", "torchvision"],
        check=True, stdout=subprocess.DEVNULL)
    return weights, checkpoint


def predicted(aviary, checkpoint, files, top=1000):
    """What `aviary predict` says of files: a dictionary of probabilities for each."""
    out = subprocess.run(
        [aviary, "predict", checkpoint, *files, "--json", "--top", str(top), "--quiet"], check=True, capture_output=True)
    found = json.loads(out.stdout.decode().splitlines()[-1])["predictions"]
    return [{one["name"]: one["probability"] for one in item["classes"]} for item in found]


def trained_table(aviary, folder):
    """A run of a network for rows with the columns age and colour, trained in a moment."""
    rows = "".join(f"{n % 7},{['red', 'blue', 'green'][n % 3]},{'ab'[n % 2]}\n" for n in range(40))
    (folder / "kinds.csv").write_text("age,colour,kind\n" + rows)
    subprocess.run([aviary, "train", "mlp", "--data", folder / "kinds.csv", "--target", "kind", "--epochs", "1", "--output", folder / "run",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


class Checks:
    """Counts what is right and says what is not."""

    def __init__(self):
        self.failures = 0

    def __call__(self, name, is_right, detail=""):
        self.failures += not is_right
        print(f"{'ok  ' if is_right else 'FAIL'} {name}" + (f": {detail}" if detail != "" else ""), flush=True)


def seconds_since(start):
    return time.monotonic() - start
