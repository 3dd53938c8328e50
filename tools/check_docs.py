#!/usr/bin/env python3
"""Looks at the pages of `tools/docs` in headless Chromium, at 400 and 1280 pixels, and writes pictures of them.

    python tools/check_docs.py [--docs FOLDER] [--base-path /aviary] [--output FOLDER]

The folder is served as it is, by Python's plain web server, at the path that it was built for. Checked are: that the first page
leads to the documentation, that every page has its heading and its pictures, that nothing is wider than the window, that nothing
is fetched from elsewhere and that the server has all that is asked for. Needs Chromium.
"""

import argparse
import functools
import http.server
import json
import pathlib
import sys
import tempfile
import threading

from browser import Browser

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The path of a page, its heading, and how many pictures it has at least.
PAGES = {
    "landing": ("", "Aviary", 1),
    "modules": ("documentation/", "Aviary", 0),
    "article": ("documentation/aviary/finetuning/", "Fine-tune your photographs", 3),
    "table": ("documentation/aviary/comingfrom/", "Coming from", 0),
    "command-line": ("documentation/aviary/commandline/", "The command line", 0),
    "tutorials": ("tutorials/tutorials/", "From photographs to answers", 1),
    "tutorial": ("tutorials/aviary/catsanddogs/", "Cats and dogs", 2),
    "service": ("tutorials/aviary/apetservice/", "A service", 1),
    "symbol": ("documentation/aviary/linear/", "Linear", 0),
    "library": ("documentation/aviaryonnx/", "AviaryONNX", 0),
}


def served(folder, base_path):
    """A plain web server whose root has the folder at the path: its port."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path):
            rest = path.split("?")[0].split("#")[0]
            if not rest.startswith(base_path + "/"):
                return str(folder / "nothing-is-here")
            return super().translate_path(rest.removeprefix(base_path))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def look(browser, address, name, width, output, faults):
    path, heading, pictures = PAGES[name]
    browser.open(address + path, width, "light")
    place = f"{name} at {width} px"
    if not browser.wait(f"[...document.querySelectorAll('h1')].some(h => h.textContent.includes({json.dumps(heading)}))", 20):
        faults.append(f"{place}: no heading '{heading}' but " + str(browser.js("[...document.querySelectorAll('h1')].map(h => h.textContent)")))
        return
    # Pictures are fetched where they are looked at.
    browser.js("""(async () => { for (let y = 0; y < document.documentElement.scrollHeight; y += 500) {
        scrollTo(0, y); await new Promise(r => setTimeout(r, 30)); } scrollTo(0, 0); })()""")
    loaded = "[...document.querySelectorAll('main img, .app-content img')].filter(i => i.complete && i.naturalWidth > 0).length"
    if not browser.wait(f"{loaded} >= {pictures}", 10):
        faults.append(f"{place}: {browser.js(loaded)} pictures instead of {pictures}")
    broken = browser.js("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
    if broken:
        faults.append(f"{place}: pictures that are not there: {broken}")
    # DocC's tutorials are as wide as the window with its scroll bar.
    wide, window = browser.js("[document.documentElement.scrollWidth, innerWidth]")
    if wide > window:
        faults.append(f"{place}: {wide} px wide")
    browser.picture(output / f"{name}-{width}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=pathlib.Path, default=ROOT / ".build/docs", help="what tools/docs has written")
    parser.add_argument("--base-path", default="", help="the path that it was written for")
    parser.add_argument("--output", type=pathlib.Path, help="where the pictures are kept")
    options = parser.parse_args()
    if not (options.docs / "index.html").exists():
        sys.exit(f"check_docs: {options.docs} holds no pages; run tools/docs")
    base_path = "/" + options.base_path.strip("/") if options.base_path.strip("/") else ""
    faults = []
    with tempfile.TemporaryDirectory(prefix="aviary-docs-", ignore_cleanup_errors=True) as scratch:
        output = options.output or pathlib.Path(scratch)
        output.mkdir(parents=True, exist_ok=True)
        address = f"http://127.0.0.1:{served(options.docs.resolve(), base_path)}{base_path}/"
        browser = Browser(pathlib.Path(scratch) / "profile")
        try:
            for width in [400, 1280]:
                for name in PAGES:
                    look(browser, address, name, width, output, faults)
        finally:
            events = browser.events
            browser.close()
        asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
        faults += [f"fetched from elsewhere: {url}" for url in sorted(asked) if not url.startswith((address, "data:", "blob:", "about:"))]
        answers = [event["params"]["response"] for event in events if event["method"] == "Network.responseReceived"]
        faults += sorted({f"{answer['status']}: {answer['url']}" for answer in answers if answer["status"] >= 400})
        faults += [f"thrown: {event['params']['exceptionDetails']['text']}" for event in events if event["method"] == "Runtime.exceptionThrown"]
        faults += [] if asked else ["nothing was fetched"]
    for fault in faults:
        print(fault)
    print(f"check_docs: {len(PAGES)} pages at two widths, {len(asked)} files fetched, {len(faults)} faults"
          + (f"; pictures in {output}" if options.output else ""))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
