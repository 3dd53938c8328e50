#!/usr/bin/env python3
"""Uses the server's page in headless Chromium as a person does, and writes pictures of it.

    python tools/check_page.py [--output FOLDER]

At 320, 400 and 1280 pixels, light and dark: a photograph is chosen, its classes and its heat map appear, another class is
asked for; the camera takes a photograph; a wrong file, a missing API key, a server that is busy or away, and a camera that is
refused are said. Checked are what is shown, what is spoken, names of controls, the keyboard, contrasts, that nothing is wider
than the window, that nothing is fetched from elsewhere and that the page's policy refuses nothing. Needs Chromium, numpy and
pillow.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

from browser import Browser
from serving import ROOT, Checks, Server, aviary_path, encoded, photograph


# The least contrast of text and its ground, by WCAG's formula, of everything that is shown.
CONTRAST = """(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = color => { const [r, g, b] = color.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  let least = 99, where = "";
  for (const element of document.querySelectorAll("h1,h2,p,label,button,th,td,caption,figcaption,select,input")) {
    if (!element.textContent.trim() || !element.offsetParent || element.disabled) continue;
    const color = parse(getComputedStyle(element).color);
    let ground = null, node = element;
    while (node && !ground) { const c = parse(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0.99) ground = c; node = node.parentElement; }
    const [a, b] = [light(color), light(ground || [255, 255, 255])].sort((a, b) => b - a);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least) { least = ratio; where = element.tagName + " " + element.textContent.trim().slice(0, 20); }
  }
  return [least, where];
})()"""
SHOWN = "!document.getElementById('result').hidden && !document.getElementById('map-figure').hidden && document.getElementById('map').naturalWidth > 0"
STATUS = "document.getElementById('status').textContent"


def check_view(check, browser, address, width, scheme, photo, output):
    name = f"{width} px, {scheme}"
    browser.open(address, width, scheme)
    browser.picture(output / f"{width}-{scheme}-start.png")
    browser.choose(photo)
    check(f"{name}: classes and heat map appear", browser.wait(SHOWN), browser.js(STATUS))
    check(f"{name}: what is found is spoken", "probability" in browser.js(STATUS), browser.js(STATUS))
    rows = browser.js("document.querySelectorAll('#classes tr').length")
    check(f"{name}: five classes", rows == 5, rows)
    browser.js("document.querySelectorAll('#classes button')[1].click()")
    second = browser.js("document.querySelectorAll('#classes th')[1].textContent")
    check(f"{name}: another class is explained", browser.wait(f"document.getElementById('map').alt.includes({json.dumps(second)})"), second)
    check(f"{name}: the button is pressed", browser.js("document.querySelectorAll('#classes button')[1].getAttribute('aria-pressed')") == "true")
    wide = browser.js("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    check(f"{name}: nothing is wider than the window", wide[0] <= wide[1], wide)
    broken = browser.js("[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.offsetHeight > 48).map(b => b.textContent)")
    check(f"{name}: no button's words are broken", not broken, broken or "")
    cut = browser.js("[...document.querySelectorAll('#classes th')].filter(name => !name.textContent.includes(' ') && name.offsetHeight > 48).map(name => name.textContent)")
    check(f"{name}: no class's name is broken", not cut, cut or "")
    contrast, where = browser.js(CONTRAST)
    check(f"{name}: contrast", contrast >= 4.5, f"{contrast:.1f} at {where}")
    if output:
        time.sleep(0.3)
        browser.picture(output / f"{width}-{scheme}-result.png")


def check_rest(check, browser, address, photo, folder, output):
    # The keyboard reaches every control, and shows where it is.
    browser.open(address, 1280, "light")
    browser.wait("document.getElementById('model').options.length > 0")
    seen = []
    for _ in range(4):
        browser.press("Tab", 9)
        seen.append(browser.js("document.activeElement.id"))
    check("keyboard: file and camera are reached", {"file", "camera"} <= set(seen), seen)
    browser.js("document.getElementById('file').focus()")
    browser.press("Tab", 9)
    outline = browser.js("getComputedStyle(document.activeElement).outlineStyle")
    check("keyboard: the focus is seen", outline == "solid", outline)
    # A photograph is classified and another class is explained without a mouse.
    browser("Page.setInterceptFileChooserDialog", enabled=True)
    browser.js("document.getElementById('file').focus()")
    browser.press("Enter", 13)
    browser.js("new Promise(done => setTimeout(done, 300))")
    opened = [event for event in browser.events if event["method"] == "Page.fileChooserOpened"]
    check("keyboard: Enter opens the choice of a file", bool(opened))
    browser("Page.setInterceptFileChooserDialog", enabled=False)
    browser.choose(photo)
    check("keyboard: the photograph is classified", browser.wait(SHOWN), browser.js(STATUS))
    browser.js("document.getElementById('camera').focus()")
    for _ in range(2):
        browser.press("Tab", 9)
    name = browser.js("document.activeElement.dataset.name || ''")
    browser.press("Enter", 13)
    check("keyboard: the next button explains another class",
          name != "" and browser.wait(f"document.getElementById('map-caption').textContent.includes({json.dumps(name)})"), name)
    label = browser.js("document.activeElement.getAttribute('aria-label')")
    check("keyboard: the button says of which class", label == f"Show the heat map of {name}", label)
    tree = browser("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in tree if node.get("role", {}).get("value") in ("button", "combobox", "textbox", "LabelText")]
    nameless = [node for node in controls if not node.get("name", {}).get("value") and node["role"]["value"] != "LabelText"]
    check("names: every control has one", not nameless and len(controls) >= 2, nameless)
    roles = {node.get("role", {}).get("value") for node in tree}
    check("structure: heading, main, status", {"heading", "main", "status"} <= roles, sorted(filter(None, roles)))

    browser.js("document.getElementById('camera').click()")
    check("camera: the picture is shown", browser.wait("!document.getElementById('viewfinder').hidden && document.getElementById('video').videoWidth > 0"),
          browser.js(STATUS))
    browser.picture(output / "camera.png")
    browser.js("document.getElementById('shoot').click()")
    check("camera: a photograph is classified", browser.wait(SHOWN), browser.js(STATUS))
    check("camera: it is off again", browser.js("stream === null && document.getElementById('viewfinder').hidden"))

    check_failures(check, browser, photo)

    wrong = folder / "text.jpg"
    wrong.write_text("no picture")
    browser.choose(wrong)
    check("a wrong file is said", browser.wait(STATUS + ".includes('not an image')"), browser.js(STATUS))
    check("a wrong file has no result", browser.js("document.getElementById('result').hidden"))
    browser.picture(output / "wrong.png")
    browser.open(address, 400, "light")
    browser.choose(wrong)
    browser.wait(STATUS + ".includes('not an image')")
    wide = browser.js("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    check("a wrong file at 400 px: nothing is wider than the window", wide[0] <= wide[1], wide)
    browser.picture(output / "wrong-400.png")


def check_failures(check, browser, photo):
    """What the page says and does where the server, the network or the camera refuses."""
    browser.js("window.ask = window.fetch")
    busy = "new Response('{\"error\":\"busy\"}', {status: 503, headers: {'Retry-After': '1'}})"
    browser.js(f"window.asked = 0; window.fetch = async (path, how) => path.startsWith('predict') && asked++ < 1 ? {busy} : ask(path, how)")
    browser.choose(photo)
    check("busy: it is said", browser.wait(STATUS + ".includes('Trying again in 1 second')", 5), browser.js(STATUS))
    check("busy: it is asked again", browser.wait(SHOWN) and "probability" in browser.js(STATUS), browser.js(STATUS))
    # The first of two maps comes last.
    browser.js("window.asked = 0; window.fetch = async (path, how) => { if (path.startsWith('explain') && asked++ === 0)"
               " await new Promise(done => setTimeout(done, 1000)); return ask(path, how); };"
               " for (const place of [1, 2]) document.querySelectorAll('#classes button')[place].click()")
    third = browser.js("document.querySelectorAll('#classes th')[2].textContent")
    shows = f"document.getElementById('map').alt.includes({json.dumps(third)})"
    came = browser.wait(shows)
    time.sleep(2)
    check("two maps: the last that was asked for is shown", came and browser.js(shows), browser.js("document.getElementById('map').alt"))
    browser.js("window.fetch = async (path, how) => path.startsWith('explain') ? new Response('{\"error\":\"no feature maps\"}', {status: 400}) : ask(path, how)")
    browser.choose(photo)
    check("no map: it is said why", browser.wait(STATUS + ".endsWith('The heat map cannot be shown: no feature maps.')"), browser.js(STATUS))
    check("no map: no button is pressed", browser.js("!document.querySelector('#classes button[aria-pressed=true]')"))
    browser.js("window.fetch = () => Promise.reject(new TypeError('network'))")
    browser.choose(photo)
    check("no network: it is said what to do", browser.wait(STATUS + ".includes('Check the connection')", 5), browser.js(STATUS))
    browser.js("window.fetch = window.ask; window.media = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
               " navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));"
               " document.getElementById('camera').click()")
    check("camera: a refusal is said", browser.wait(STATUS + ".includes('Allow it')", 5), browser.js(STATUS))
    browser.js("navigator.mediaDevices.getUserMedia = window.media")


def check_key(check, browser, server, photo, output):
    browser.open(server.address, 400, "light")
    check("key: it is asked for", browser.wait("!document.getElementById('key-row').hidden"), browser.js(STATUS))
    browser.js("document.getElementById('key').value = 'secret'; document.getElementById('use-key').click()")
    browser.choose(photo)
    check("key: it is used", browser.wait(SHOWN), browser.js(STATUS))
    browser.picture(output / "key.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aviary", help="the command (the release build's, else that of tools/test)")
    parser.add_argument("--checkpoint", default=str(ROOT / "Weights/resnet18-cifar10.h5"))
    parser.add_argument("--photo", type=pathlib.Path, help="a photograph (one that is drawn)")
    parser.add_argument("--output", type=pathlib.Path, help="where the pictures are kept")
    options = parser.parse_args()
    aviary, check = aviary_path(options.aviary), Checks()
    with tempfile.TemporaryDirectory(prefix="aviary-page-", ignore_cleanup_errors=True) as scratch:
        scratch = pathlib.Path(scratch)
        output = options.output or scratch / "pictures"
        output.mkdir(parents=True, exist_ok=True)
        photo = options.photo or scratch / "photo.jpg"
        if not options.photo:
            photo.write_bytes(encoded(photograph(5)))
        browser = Browser(scratch / "profile")
        try:
            with Server(aviary, f"pets={options.checkpoint}") as server:
                for width in [320, 400, 1280]:
                    for scheme in ["light", "dark"]:
                        check_view(check, browser, server.address, width, scheme, photo.resolve(), output)
                check_rest(check, browser, server.address, photo.resolve(), scratch, output)
            with Server(aviary, f"pets={options.checkpoint}", "--api-key", "secret") as locked:
                check_key(check, browser, locked, photo.resolve(), output)
            asked = {event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"}
            own = (server.address, locked.address, f"blob:{server.address}", f"blob:{locked.address}", "about:")
            elsewhere = sorted(url for url in asked if not url.startswith(own))
            check("nothing is fetched from elsewhere", asked and not elsewhere, elsewhere)
            thrown = [event["params"] for event in browser.events if event["method"] == "Runtime.exceptionThrown"]
            check("no exception", not thrown, thrown[:2] or "")
            logged = [event["params"]["entry"] for event in browser.events if event["method"] == "Log.entryAdded"]
            # What the server refuses is logged as well: the wrong file, and the missing key.
            policy = [entry["text"] for entry in logged if "Content Security Policy" in entry["text"] or entry["source"] == "security"]
            check("the policy refuses nothing", not policy, policy[:2] or "")
        finally:
            browser.close()
        if options.output:
            print(f"pictures in {output}")
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
