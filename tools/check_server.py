#!/usr/bin/env python3
"""Checks `aviary serve` with other people's clients, and measures it beside FastAPI and PyTorch.

    swift build -c release --traits Server --product aviary && swift build -c release --traits Server --product aviary-serve
    python tools/check_server.py              # all, in some minutes
    python tools/check_server.py clients stop # these parts only
    python tools/check_server.py soak --minutes 15

Needs tritonclient[http], kserve, fastapi, uvicorn, torch, numpy and pillow. The parts:

    clients  Triton's and KServe's Python clients get what `aviary predict` says, as JSON and as binary tensors
    stop     SIGTERM in the middle of requests loses none of them, nor does a file that is replaced under load
    load     throughput with 16 clients, and latencies at 70 % of it, of ResNet18 on JPEG files: arrivals on a clock, latency
             from the time at which a request should have been sent; then the same of FastAPI with PyTorch
    start    seconds from the start to the first answer, and memory then; of FastAPI with PyTorch, too
    soak     memory over minutes at 70 % load

The load part prints whether the targets are met: at least 0.9 of the speed of `aviary predict`, and 99 % of the answers within
three times what a batch of 16 takes there.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from serving import Checks, Server, aviary_path, encoded, photograph, predicted, request, resident, resnet18_file, seconds_since

PARTS = ["clients", "stop", "load", "start", "soak"]
CLIENTS = 16
PEER = '''
"""ResNet18 behind FastAPI, with requests put together as TorchServe does it: up to 16, or after 2 milliseconds."""
import asyncio, io, sys
from contextlib import asynccontextmanager
import numpy as np, torch, uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.argv[1])
from serving import resnet18
torch.set_num_threads(int(sys.argv[4]))
model = resnet18()
model.load_state_dict(torch.load(sys.argv[2]))
decoding, computing = ThreadPoolExecutor(int(sys.argv[4])), ThreadPoolExecutor(1)
mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
waiting = asyncio.Queue(128)

def prepared(body):
    image = Image.open(io.BytesIO(body)).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    x = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
    return ((x - mean) / std).transpose(2, 0, 1)

def computed(batch):
    with torch.inference_mode():
        return torch.softmax(model(torch.from_numpy(np.stack(batch))), 1).topk(5)

async def work():
    loop = asyncio.get_running_loop()
    while True:
        batch = [await waiting.get()]
        end = loop.time() + 0.002
        while len(batch) < 16:
            try:
                batch.append(await asyncio.wait_for(waiting.get(), max(0, end - loop.time())) if waiting.empty() else waiting.get_nowait())
            except asyncio.TimeoutError:
                break
        shares, classes = await loop.run_in_executor(computing, computed, [x for x, _ in batch])
        for (_, answer), share, names in zip(batch, shares.tolist(), classes.tolist()):
            answer.set_result([{"name": str(n), "probability": s} for n, s in zip(names, share)])

@asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(work())
    yield
    task.cancel()

app = FastAPI(lifespan=lifespan)

@app.post("/predict")
async def predict(request: Request):
    loop = asyncio.get_running_loop()
    x = await loop.run_in_executor(decoding, prepared, await request.body())
    answer = loop.create_future()
    await waiting.put((x, answer))
    return {"classes": await answer}

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="error", access_log=False)
'''


class Peer:
    """FastAPI with PyTorch as a process."""

    def __init__(self, folder):
        self.port = 18000 + os.getpid() % 1000
        script = folder / "peer.py"
        script.write_text(PEER)
        self.process = subprocess.Popen(
            [sys.executable, script, pathlib.Path(__file__).resolve().parent, folder / "resnet18.pth", str(self.port),
             str(len(os.sched_getaffinity(0)))])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def first(self, body):
        """Waits for the first answer."""
        end = time.monotonic() + 60
        while True:
            try:
                return request(self.port, "POST", "/predict", body)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("FastAPI did not begin")
                time.sleep(0.01)


# Clients


def check_clients(check, aviary, folder, files):
    import numpy as np
    import tritonclient.http as triton
    from PIL import Image

    checkpoint = folder / "resnet18.h5"
    expected = predicted(aviary, checkpoint, files[:3])
    names = sorted(expected[0], key=lambda name: int(name.split()[-1]))

    def agrees(found, wanted):
        return np.allclose(found, [wanted[name] for name in names], rtol=1e-4, atol=1e-7)

    with Server(aviary, checkpoint, f"second={checkpoint}") as server:
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        check("triton: live, ready, model ready", client.is_server_live() and client.is_server_ready() and client.is_model_ready("resnet18"))
        check("triton: a model that is not there is not ready", not client.is_model_ready("nothing"))
        metadata = client.get_model_metadata("resnet18", "1")
        check("triton: metadata", metadata["inputs"][0]["shape"] == [-1, 3, 224, 224], metadata["inputs"])
        check("triton: server metadata", "binary_tensor_data" in client.get_server_metadata()["extensions"])
        check("triton: configuration", client.get_model_config("resnet18")["max_batch_size"] == 16)
        check("triton: index", [m["name"] for m in client.get_model_repository_index()] == ["resnet18", "second"])

        bodies = [path.read_bytes() for path in files[:3]]
        for binary in [True, False]:
            if binary:
                data = np.array(bodies, dtype=np.object_)
            else:
                import base64

                data = np.array([base64.b64encode(body) for body in bodies], dtype=np.object_)
            tensor = triton.InferInput("input", [3], "BYTES")
            tensor.set_data_from_numpy(data, binary_data=binary)
            result = client.infer("resnet18", [tensor], request_id="r")
            rows = result.as_numpy("probabilities")
            check(f"triton: BYTES, binary {binary}", all(agrees(r, e) for r, e in zip(rows, expected)) and len(rows) == 3)
            check("triton: the id comes back", result.get_response()["id"] == "r")
        pixels = np.stack([np.asarray(Image.open(files[0]).convert("RGB"))])
        for binary in [True, False]:
            tensor = triton.InferInput("input", pixels.shape, "UINT8")
            tensor.set_data_from_numpy(pixels, binary_data=binary)
            output = triton.InferRequestedOutput("probabilities", binary_data=binary)
            result = client.infer("second", [tensor], outputs=[output])
            check(f"triton: UINT8, binary {binary}", agrees(result.as_numpy("probabilities")[0], expected[0]))
        numbers = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
        answers = []
        for binary in [True, False]:
            tensor = triton.InferInput("input", numbers.shape, "FP32")
            tensor.set_data_from_numpy(numbers, binary_data=binary)
            answers.append(client.infer("resnet18", [tensor]).as_numpy("logits"))
        check("triton: FP32, binary and JSON", np.array_equal(*answers) and answers[0].shape == (2, 1000))
        import torch
        from serving import resnet18

        model = resnet18()
        model.load_state_dict(torch.load(folder / "resnet18.pth"))
        with torch.inference_mode():
            wanted = model(torch.from_numpy(numbers)).numpy()
        check("triton: FP32 equals PyTorch", np.allclose(answers[0], wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max()))
        tensor = triton.InferInput("input", [1], "BYTES")
        tensor.set_data_from_numpy(np.array(bodies[:1], dtype=np.object_))
        result = client.infer("resnet18", [tensor], outputs=[triton.InferRequestedOutput("probabilities", class_count=3)])
        first = result.as_numpy("probabilities")[0][0].decode().split(":")
        best = max(expected[0], key=expected[0].get)
        check("triton: classification", first[2] == best and abs(float(first[0]) - expected[0][best]) < 1e-5, first)
        try:
            client.infer("nothing", [tensor])
            check("triton: an unknown model is an error", False)
        except triton.InferenceServerException as error:
            check("triton: an unknown model is an error", "nothing" in error.message())
        asyncio.run(check_kserve(check, server, bodies, expected, agrees))
        status, _, body = request(server.port, "POST", "/explain?model=resnet18", bodies[0])
        check("explain: a PNG file", status == 200 and body.startswith(b"\x89PNG"))


async def check_kserve(check, server, bodies, expected, agrees):
    import base64

    import numpy as np
    from kserve import InferInput, InferRequest, InferenceRESTClient, RESTConfig

    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    check("kserve: live, ready, model ready", await client.is_server_live(server.address) and await client.is_server_ready(server.address)
          and await client.is_model_ready(server.address, "resnet18"))
    for binary in [True, False]:
        tensor = InferInput("input", [3], "BYTES")
        if binary:
            tensor.set_data_from_numpy(np.array(bodies, dtype=np.object_), binary_data=True)
        else:
            tensor.data = [base64.b64encode(body).decode() for body in bodies]
        answer = await client.infer(server.address, InferRequest("resnet18", [tensor]), model_name="resnet18", headers={})
        rows = answer.get_output_by_name("probabilities").as_numpy().reshape(3, -1)
        check(f"kserve: BYTES, binary {binary}", all(agrees(r, e) for r, e in zip(rows, expected)))
    old = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
    answer = await old.infer(
        server.address, {"instances": [{"b64": base64.b64encode(bodies[1]).decode()}]}, model_name="resnet18")
    found = answer["predictions"][0]["classes"][0]
    check("kserve: version 1", abs(found["probability"] - expected[1][found["name"]]) < 1e-5, found)
    check("kserve: version 1, ready", await old.is_model_ready(server.address, "resnet18"))


# Stopping


def check_stop(check, aviary, folder, files):
    for round in range(3):
        server = Server(aviary, folder / "resnet18.h5")
        answers = []

        def one(number):
            try:
                answers.append(request(server.port, "POST", "/predict", files[number % len(files)].read_bytes())[0])
            except (OSError, IndexError) as error:
                # Closed without an answer is lost, too.
                answers.append(repr(error))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(60)]
        for thread in threads:
            thread.start()
        time.sleep(0.1 * (round + 1))
        status = server.stop()
        for thread in threads:
            thread.join()
        check(f"stop: 60 requests, SIGTERM after {0.1 * (round + 1):.1f} s", answers == [200] * 60 and status == 0,
              f"status {status}, {answers.count(200)} answered, others {sorted(set(map(str, answers)) - {'200'})}")
    bodies = [path.read_bytes() for path in files]
    server = Server(aviary, folder / "resnet18.h5")
    answered, lost, refused = asyncio.run(stopped_under_load(server, bodies))
    check("stop: under load on kept connections", lost == 0 and answered > 0 and server.stop() == 0,
          f"{answered} answered, {lost} lost, {refused} not accepted")
    check_replacing(check, aviary, folder, bodies)


async def stopped_under_load(server, bodies):
    """Counts of requests, due on a clock, that were answered, lost, and sent when nobody listened any more."""
    speed = await closed_loop(server.port, bodies, 2)
    free, counts = [], {"answered": 0, "lost": 0, "refused": 0}

    async def one(body):
        connection = free.pop() if free else Connection(server.port)
        try:
            status = await connection.send(body)
            counts["answered" if status == 200 else "lost"] += 1
            free.append(connection)
        except ConnectionRefusedError:
            counts["refused"] += 1
        except (OSError, asyncio.IncompleteReadError):
            counts["lost"] += 1

    tasks, start, asked = [], time.monotonic(), False
    while time.monotonic() < start + 4:
        if not asked and time.monotonic() > start + 2:
            server.process.terminate()
            asked = True
        tasks.append(asyncio.create_task(one(bodies[len(tasks) % len(bodies)])))
        await asyncio.sleep(1 / (0.7 * speed))
    await asyncio.gather(*tasks)
    return counts["answered"], counts["lost"], counts["refused"]


def check_replacing(check, aviary, folder, bodies):
    """The file is replaced several times at 70 % load."""
    served = folder / "served.h5"
    shutil.copy(folder / "resnet18.h5", served)
    with Server(aviary, served, "--reload-every", "0.2") as server:
        throughput = asyncio.run(closed_loop(server.port, bodies, 3))

        def replace():
            for _ in range(3):
                time.sleep(1)
                shutil.copy(folder / "resnet18.h5", folder / "served.new")
                os.replace(folder / "served.new", served)

        thread = threading.Thread(target=replace)
        thread.start()
        latencies, refused = asyncio.run(open_loop(server.port, bodies, 0.7 * throughput, 6))
        thread.join()
        version = json.loads(request(server.port, "GET", "/v2/models/served")[2])["versions"][0]
    check("stop: a file that is replaced under load loses no request", refused == 0 and int(version) > 1,
          f"{len(latencies)} answered, {refused} not, version {version}; the slowest in {1e3 * latencies[-1]:.0f} ms")


# Load


class Connection:
    """A connection that is kept: one request after the other. One that the server has closed, or soon will, is opened again."""

    def __init__(self, port):
        self.port, self.reader, self.used = port, None, 0

    async def send(self, body):
        if self.reader is None or self.reader.at_eof() or time.monotonic() - self.used > 8:
            if self.reader is not None:
                self.writer.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self.reader.readexactly(length)
        self.used = time.monotonic()
        if b"\r\nconnection: close\r\n" in head.lower():
            self.writer.close()
            self.reader = None
        return int(head.split(b" ", 2)[1])


async def closed_loop(port, bodies, seconds):
    """Answers a second where each of 16 clients sends when it has its answer."""
    end, counts = time.monotonic() + seconds, [0] * CLIENTS

    async def client(number):
        connection = Connection(port)
        while time.monotonic() < end:
            assert await connection.send(bodies[(number + counts[number]) % len(bodies)]) == 200
            counts[number] += 1

    start = time.monotonic()
    await asyncio.gather(*map(client, range(CLIENTS)))
    return sum(counts) / seconds_since(start)


async def open_loop(port, bodies, rate, seconds, seed=0):
    """Latencies, in seconds, of requests that are due at random times at this rate, whatever the server does."""
    numbers = random.Random(seed)
    free, latencies, refused = [], [], 0

    async def one(due, body):
        nonlocal refused
        connection = free.pop() if free else Connection(port)
        status = await connection.send(body)
        refused += status != 200
        latencies.append(time.monotonic() - due)
        free.append(connection)

    due, start, tasks = time.monotonic(), time.monotonic(), []
    while due < start + seconds:
        due += numbers.expovariate(rate)
        await asyncio.sleep(max(0, due - time.monotonic()))
        tasks.append(asyncio.create_task(one(due, bodies[len(tasks) % len(bodies)])))
    await asyncio.gather(*tasks)
    return sorted(latencies), refused


def load_of(name, port, bodies, seconds):
    """Throughput and latencies, measured by a process of its own."""
    asyncio.run(closed_loop(port, bodies, min(3, seconds)))
    throughput = asyncio.run(closed_loop(port, bodies, seconds))
    latencies, refused = asyncio.run(open_loop(port, bodies, 0.7 * throughput, seconds))
    p50, p99 = (latencies[min(len(latencies) - 1, int(share * len(latencies)))] for share in (0.5, 0.99))
    print(f"{name:24} {throughput:8.1f} images/s with {CLIENTS} clients; at 70 %: p50 {1e3 * p50:7.1f} ms, p99 {1e3 * p99:7.1f} ms, "
          f"{len(latencies)} requests, {refused} refused", flush=True)
    return throughput, p99


def check_load(check, aviary, folder, files, options):
    bodies = [path.read_bytes() for path in files]
    many = folder / "many"
    many.mkdir(exist_ok=True)
    for number in range(max(96, int(options.seconds * 20))):
        (many / f"{number:05}.jpg").write_bytes(bodies[number % len(bodies)])
    count = len(list(many.iterdir()))
    speeds = []
    for _ in range(2):
        # What begins and ends is taken away: a run of a few images.
        start = time.monotonic()
        subprocess.run([aviary, "predict", folder / "resnet18.h5", many, "--quiet", "--json"], check=True, stdout=subprocess.DEVNULL)
        whole = seconds_since(start)
        start = time.monotonic()
        subprocess.run([aviary, "predict", folder / "resnet18.h5", *files[:2], "--quiet", "--json"], check=True, stdout=subprocess.DEVNULL)
        speeds.append((count - 2) / max(1e-3, whole - seconds_since(start)))
    speed = max(speeds)
    batch = 16 / speed
    print(f"{'aviary predict':24} {speed:8.1f} images/s, a batch of 16 in {1e3 * batch:.1f} ms", flush=True)
    with Server(aviary, folder / "resnet18.h5", "--log-level", "warning") as server:
        throughput, p99 = load_of("aviary serve", server.port, bodies, options.seconds)
    with Peer(folder) as peer:
        peer.first(bodies[0])
        load_of("FastAPI + PyTorch", peer.port, bodies, options.seconds)
    share = throughput / speed
    print(f"{'met' if share >= 0.9 else 'NOT MET'}: {share:.2f} of the speed of aviary predict; at least 0.9 is the target")
    print(f"{'met' if p99 < 3 * batch else 'NOT MET'}: p99 is {p99 / batch:.2f} batch times; below 3 is the target")
    if options.strict:
        check("load: the targets are met", share >= 0.9 and p99 < 3 * batch)


def check_start(check, aviary, folder, files, options):
    body = files[0].read_bytes()
    for name in ["aviary serve", "FastAPI + PyTorch"]:
        times, memory = [], []
        for _ in range(3):
            start = time.monotonic()
            if name == "aviary serve":
                with Server(aviary, folder / "resnet18.h5") as server:
                    status = request(server.port, "POST", "/predict", body)[0]
                    times.append(seconds_since(start))
                    memory.append(server.resident)
            else:
                with Peer(folder) as peer:
                    status = peer.first(body)[0]
                    times.append(seconds_since(start))
                    memory.append(resident(peer.process.pid))
            check(f"start: {name} answers", status == 200)
        print(f"{name:24} {statistics.median(times):8.2f} s from the start to the first answer (best {min(times):.2f}); "
              f"{statistics.median(memory):.0f} MiB then", flush=True)


def check_soak(check, aviary, folder, files, options):
    bodies = [path.read_bytes() for path in files]
    with Server(aviary, folder / "resnet18.h5", "--log-level", "warning") as server:
        throughput = asyncio.run(closed_loop(server.port, bodies, 5))
        memory, answered, refused, worst = [], 0, 0, 0
        pieces = max(4, int(options.minutes * 4))
        for piece in range(pieces):
            latencies, more = asyncio.run(open_loop(server.port, bodies, 0.7 * throughput, options.minutes * 60 / pieces, seed=piece))
            answered += len(latencies)
            refused, worst = refused + more, max(worst, latencies[int(0.99 * (len(latencies) - 1))] if latencies else 0)
            memory.append(server.resident)
        print(f"soak: {options.minutes} min at {0.7 * throughput:.0f} requests/s, {answered} requests: memory {memory[0]:.0f} MiB at first, "
              f"{statistics.median(memory):.0f} in the middle, {memory[-1]:.0f} at last; worst p99 {1e3 * worst:.0f} ms")
        # The first pieces fill pools.
        check("soak: memory stays the same", memory[-1] < memory[len(memory) // 4] + 16, f"{memory[len(memory) // 4]:.0f} to {memory[-1]:.0f} MiB")
        check("soak: nothing was refused", refused == 0, refused)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="clients, stop, load, start, soak; all but soak by default")
    parser.add_argument("--aviary", help="the command (the release build's, else that of tools/test)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load is measured (10)")
    parser.add_argument("--minutes", type=float, default=1, help="how long the soak takes (1)")
    parser.add_argument("--strict", action="store_true", help="fail where a target of speed is not met")
    options = parser.parse_args()
    parts = options.parts or PARTS[:-1]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}")
    aviary, check = aviary_path(options.aviary), Checks()
    with tempfile.TemporaryDirectory(prefix="aviary-server-") as folder:
        folder = pathlib.Path(folder)
        resnet18_file(folder, aviary)
        files = []
        for seed in range(16):
            files.append(folder / f"{seed}.jpg")
            files[-1].write_bytes(encoded(photograph(seed), quality=90))
        if "clients" in parts:
            check_clients(check, aviary, folder, files)
        if "stop" in parts:
            check_stop(check, aviary, folder, files)
        if "load" in parts:
            check_load(check, aviary, folder, files, options)
        if "start" in parts:
            check_start(check, aviary, folder, files, options)
        if "soak" in parts:
            check_soak(check, aviary, folder, files, options)
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
