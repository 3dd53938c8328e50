"""Where built modules of Swift lie, for the tools that call the compiler without building."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What tools/test builds, with every trait.
TEST_BUILD = ROOT / ".build/tests/release"


def search_paths(targets, binaries, modules=None):
    """The compiler's options for finding modules, those of C libraries included.

    targets are those of `swift package dump-package`, binaries is the folder of a build, and modules another folder with some
    of its modules alone.
    """
    # A build in the folder X leaves its programs in X/TRIPLE/release.
    checkouts = binaries.resolve().parent.parent / "checkouts"
    maps = [*binaries.glob("*.build/module.modulemap"), *checkouts.glob("*/Sources/*/include/module.modulemap")]
    folders = [modules or binaries / "Modules"] + sorted(path.parent for path in maps)
    flags = []
    for target in targets:
        if target["type"] == "system":
            folders.append(ROOT / target["path"])
            if target.get("pkgConfig"):
                flags += subprocess.run(
                    ["pkg-config", "--cflags-only-I", target["pkgConfig"]], capture_output=True, text=True).stdout.split()
    return [word for folder in folders for word in ("-I", str(folder))] + flags
