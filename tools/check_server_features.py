#!/usr/bin/env python3
"""Tries everything that `aviary serve` promises besides the protocol: routes for curl, keys, limits, queues, logs, metrics, files.

    python tools/check_server_features.py [--aviary FILE]

Replaces and overwrites the files of a server at work, reads its metrics with Prometheus's own parser and its log as JSON, and
sends what is over each limit. Needs curl, prometheus_client, numpy and pillow; takes about a minute.
"""

import argparse
import base64
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from serving import ROOT, Checks, Server, aviary_path, encoded, photograph, predicted, request, trained_table

# Those that check_curl sends, but for that of the metrics, which is not logged.
REQUESTS = 11
PETS = ROOT / "Weights/resnet18-cifar10.h5"


def curl(*arguments):
    """What a person sees: (status, body)."""
    out = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *map(str, arguments)], check=True, capture_output=True).stdout
    body, _, status = out.rpartition(b"\n")
    return int(status), body


def check_curl(check, aviary, folder, table, photo):
    with Server(aviary, f"pets={PETS}", f"kinds={table}", log=folder / "log") as server:
        at = server.address
        expected = predicted(aviary, PETS, [photo], top=10)[0]

        def agrees(body):
            classes = json.loads(body)["predictions"][0]["classes"]
            return len(classes) == 5 and all(abs(one["probability"] - expected[one["name"]]) < 1e-5 for one in classes)

        status, body = curl("--data-binary", f"@{photo}", f"{at}/predict?model=pets")
        check("curl: a photograph as body", status == 200 and agrees(body), body[:200])
        status, body = curl("-F", f"image=@{photo}", f"{at}/predict?model=pets")
        check("curl: a photograph in a form", status == 200 and agrees(body), body[:200])
        status, body = curl("-F", f"image=@{photo}", "-F", "top=2", "-F", "model=pets", "-H", "Accept: text/plain", f"{at}/predict")
        check("curl: fields of a form, as text", status == 200 and len(body.decode().splitlines()) == 2, body)
        status, body = curl("-H", "Content-Type: application/json", "-d", '{"age": 3, "colour": "red"}', f"{at}/predict?model=kinds")
        found = json.loads(body).get("predictions", [{}])[0].get("classes", [])
        check("curl: a row of a table", status == 200 and abs(sum(one["probability"] for one in found) - 1) < 1e-5, body[:200])
        status, body = curl("-H", "Content-Type: application/json", "-d", '{"age": 3, "color": "red"}', f"{at}/predict?model=kinds")
        check("curl: a column's name is wrong", status == 400 and b"colour" in body, body)
        status, body = curl("--data-binary", f"@{photo}", f"{at}/explain?model=pets")
        check("curl: a heat map", status == 200 and body.startswith(b"\x89PNG"), status)
        status, body = curl("--data-binary", f"@{photo}", "-H", "Accept: application/json", f"{at}/explain?model=pets&class=dog")
        check("curl: a heat map of another class, as numbers", status == 200 and json.loads(body)["class"] == "dog" and json.loads(body)["map"])
        status, body = curl("--data-binary", f"@{photo}", f"{at}/predict")
        check("several models: the request says which", status == 400 and b"pets" in body and b"kinds" in body, body)
        status, body = curl(f"{at}/v2/models/pet")
        check("several models: a wrong name and the near one", status == 404 and b"did you mean 'pets'" in body, body)
        status, body = curl("-X", "DELETE", f"{at}/v2/models/pets")
        check("a method that a route does not take", status == 405, body)
        status, body = curl("-d", "{}", f"{at}/v2/models/pets/versions/7/infer")
        check("a version that is not served", status == 404 and b"'7'" in body, body)
        check_metrics(check, at)
    check_log(check, folder / "log")


def check_metrics(check, at):
    from prometheus_client.parser import text_string_to_metric_families

    status, body = curl(f"{at}/metrics")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    check("metrics: Prometheus's parser reads them", status == 200 and len(families) >= 10, sorted(families))
    check("metrics: every family says what it is", all(f.documentation and f.type != "unknown" for f in families.values()))
    counted = sum(s.value for s in families["aviary_requests"].samples if s.name == "aviary_requests_total")
    check("metrics: requests are counted", counted == REQUESTS, counted)
    wrong = collections.Counter()
    for sample in families["aviary_errors"].samples:
        wrong[sample.labels["kind"]] += sample.value
    check("metrics: faults are counted by kind", wrong == {"malformed": 1, "no_model": 3, "method": 1}, dict(wrong))
    for name in ["aviary_request_seconds", "aviary_batch_rows"]:
        series = collections.defaultdict(dict)
        for sample in families[name].samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            series[labels].setdefault(sample.name.removeprefix(name), []).append((float(sample.labels.get("le", "nan")), sample.value))
        steady = all(
            [v for _, v in one["_bucket"]] == sorted(v for _, v in one["_bucket"]) and one["_bucket"][-1] == (float("inf"), one["_count"][0][1])
            for one in series.values())
        check(f"metrics: {name} is a histogram", series and steady)
    resident = families["process_resident_memory_bytes"].samples[0].value
    check("metrics: memory", 2**20 < resident < 2**34, resident)


def check_log(check, path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    check("log: every line is JSON with time, level and message", all({"time", "level", "message"} <= set(line) for line in lines), len(lines))
    requests = [line for line in lines if line["message"] == "request"]
    check("log: a line for each request", len(requests) == REQUESTS and all({"id", "path", "status", "milliseconds"} <= set(r) for r in requests), len(requests))
    check("log: beginning and end", [line["message"] for line in lines if line["message"] in ("listening", "stopping", "stopped")]
          == ["listening", "stopping", "stopped"])


def check_keys(check, aviary, folder, body):
    (folder / "key").write_text("secret-2\nnot this line\n")
    for name, arguments, environment, key in [
        ("an option", ["--api-key", "secret-1"], {}, "secret-1"), ("a file", ["--api-key-file", folder / "key"], {}, "secret-2"),
        ("the environment", [], {"AVIARY_API_KEY": "secret-3"}, "secret-3"),
    ]:
        with Server(aviary, f"pets={PETS}", *arguments, environment=environment) as server:
            def status(*headers, method="POST", path="/predict"):
                return request(server.port, method, path, body if method == "POST" else b"", headers)[0]

            right = [status(f"Authorization: Bearer {key}"), status(f"X-API-Key: {key}"), status(f"authorization: bearer {key}")]
            wrong = [status(), status("X-API-Key: "), status(f"X-API-Key: {key}x"), status(f"Authorization: Basic {key}"),
                     status(method="GET", path="/metrics"), status(method="GET", path="/v2/models/pets"), status(method="GET", path="/nothing")]
            free = [status(method="GET", path=path) for path in ["/", "/v2/health/live", "/v2/health/ready"]]
            check(f"key from {name}", (set(right), set(wrong), set(free)) == ({200}, {401}, {200}), (right, wrong, free))


def check_limits(check, aviary, body):
    with Server(aviary, f"pets={PETS}", "--max-body", "1", "--max-pixels", "0.2", "--timeout", "2", "--max-batch", "4") as server:
        def ask(content, *headers, path="/predict"):
            status, found, answer = request(server.port, "POST", path, content, headers)
            return status, json.loads(answer).get("error", ""), found

        check("limits: within them", ask(body)[0] == 200)
        status, error, _ = ask(bytes(2 << 20))
        check("limits: body", status == 413 and "--max-body" in error, error)
        status, error, _ = ask(encoded(photograph(1, 600, 400)))
        check("limits: pixels", status == 413 and "600" in error, error)
        for kind in ["GIF", "BMP", "TIFF"]:
            status, error, _ = ask(encoded(photograph(1, 32, 32), kind))
            check(f"limits: {kind} is not decoded", status == 415, error)
        rows = {"inputs": [{"name": "input", "datatype": "BYTES", "shape": [5], "data": [base64.b64encode(body).decode()] * 5}]}
        status, error, _ = ask(json.dumps(rows).encode(), path="/v2/models/pets/infer")
        check("limits: rows of a request", status == 400 and "batch of 5" in error, error)
        status, error, _ = ask(body, "X-Request-Timeout: 0.0001")
        check("limits: a client's time", status in (408, 504), error)
        status, error, _ = ask(body, "X-Request-Timeout: soon")
        check("limits: a time that is none", status == 400, error)
        start = time.monotonic()
        import socket

        with socket.create_connection(("127.0.0.1", server.port), 20) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body[:1000])
            answer = slow.recv(4096)
        check("limits: a body that does not come", answer.startswith(b"HTTP/1.1 408") and time.monotonic() - start < 5, answer[:60])


def check_queue(check, aviary, body):
    """More requests at once than may wait: some are answered, the others are told when to come again."""
    with Server(aviary, f"pets={PETS}", "--queue", "2", "--max-batch", "1") as server:
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: request(server.port, "POST", "/predict", body), range(200)))
        counts = collections.Counter(status for status, _, _ in answers)
        check("queue: 503 beyond it, and nothing else", set(counts) == {200, 503}, dict(counts))
        check("queue: Retry-After", all(headers.get("retry-after", "").isdigit() for status, headers, _ in answers if status == 503))
        check("queue: it is free again", request(server.port, "POST", "/predict", body)[0] == 200)
    with Server(aviary, f"pets={PETS}", "--max-batch", "8", "--max-delay", "300") as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: request(server.port, "POST", "/predict", body), range(8)))
        metrics = request(server.port, "GET", "/metrics")[2].decode()
        batches = next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("aviary_batch_rows_count"))
        check("batches: requests that wait are computed together", batches <= 2, f"{batches:.0f} batches of 8 requests")


class Load:
    """Four clients that ask all the time, each on one connection after the other."""

    def __init__(self, server, body):
        self.server, self.body, self.answers, self.end = server, body, [], threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        while not self.end.is_set():
            try:
                status, _, answer = request(self.server.port, "POST", "/predict", self.body)
                found = json.loads(answer)
                classes = found["predictions"][0]["classes"] if status == 200 else []
                self.answers.append((status, found.get("version"), {one["name"]: one["probability"] for one in classes}))
            except (OSError, LookupError, ValueError) as error:
                self.answers.append((repr(error), None, None))

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join()
        return self.answers


def version(server):
    return json.loads(request(server.port, "GET", "/models")[2])["models"][0]["version"]


def awaited(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def check_files(check, aviary, folder, body):
    """A file that is replaced, overwritten, cut short and removed while requests come."""
    served, log = folder / "served.h5", folder / "files-log"
    other = folder / "other.h5"
    shutil.copy(PETS, served)
    subprocess.run([aviary, "convert", PETS, other, "--dtype", "bf16"], check=True, stdout=subprocess.DEVNULL)
    with Server(aviary, f"pets={served}", "--reload-every", "0.1", log=log) as server:
        load = Load(server, body)
        time.sleep(0.5)
        shutil.copy(other, folder / "new.h5")
        os.replace(folder / "new.h5", served)
        check("files: a file that is replaced is served", awaited(lambda: version(server) == "2"), version(server))
        # Overwritten in place, a part at a time: what is half there is not served, and does not end the server.
        whole = PETS.read_bytes()
        with open(served, "r+b") as file:
            file.truncate(0)
            time.sleep(0.4)
            file.write(whole[:len(whole) // 2])
            file.flush()
            time.sleep(0.6)
            check("files: half a file is not served", version(server) == "2", version(server))
            file.write(whole[len(whole) // 2:])
        check("files: the whole is", awaited(lambda: version(server) not in ("1", "2")), version(server))
        last = version(server)
        served.write_bytes(b"no checkpoint")
        check("files: one that is none is said", awaited(lambda: "model not replaced" in log.read_text().splitlines()[-1]
                                                        or log.read_text().count("model not replaced") > 1))
        served.unlink()
        time.sleep(0.5)
        check("files: the old one answers", version(server) == last and request(server.port, "POST", "/predict", body)[0] == 200)
        answers = load.stop()
    statuses = collections.Counter(status for status, _, _ in answers)
    check("files: no request is lost meanwhile", set(statuses) == {200} and len(answers) > 20, dict(statuses))
    found = collections.defaultdict(list)
    for _, number, probabilities in answers:
        found[number].append(probabilities)

    def difference(one, other):
        """The largest difference of a probability; the size of a batch changes the last bits of it."""
        return max(abs(found[one][0].get(name, 0) - share) for answer in found[other] for name, share in answer.items())

    check("files: each version has one answer", len(found) >= 3 and all(difference(one, one) < 1e-5 for one in found),
          {one: f"{difference(one, one):.1e}" for one in found})
    check("files: other weights are served, and the first again", difference("1", "2") > 2e-5 and difference("1", last) < 1e-5,
          f"{difference('1', '2'):.1e} and {difference('1', last):.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aviary", help="the command (the release build's, else that of tools/test)")
    options = parser.parse_args()
    aviary, check = aviary_path(options.aviary), Checks()
    with tempfile.TemporaryDirectory(prefix="aviary-features-") as folder:
        folder = pathlib.Path(folder)
        photo = folder / "photo.jpg"
        photo.write_bytes(encoded(photograph(3, 320, 240)))
        body = photo.read_bytes()
        check_curl(check, aviary, folder, trained_table(aviary, folder), photo)
        check_keys(check, aviary, folder, body)
        check_limits(check, aviary, body)
        check_queue(check, aviary, body)
        check_files(check, aviary, folder, body)
    raise SystemExit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
