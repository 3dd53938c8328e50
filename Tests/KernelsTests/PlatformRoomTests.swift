import AviaryTestSupport
import Foundation
import Testing

/// What differs between systems stays in `Sources/Platform`, and in C behind `#if`, so that code which compiles on one system
/// compiles on the others.
@Suite struct PlatformRoomTests {
  static let room = "Sources/Platform/"

  @Test func systemsAreNamedInOneRoom() throws {
    var scanned = 0
    for folder in ["Sources", "Models", "Snippets", "Tests"] {
      for path in try Self.files(in: folder, ["swift"]) where !path.hasPrefix(Self.room) {
        scanned += 1
        let source = try Self.text(path)
        for finding in PlatformScan.findings(in: source, isTest: folder == "Tests") {
          Issue.record("\(path): \(finding) outside of \(Self.room)")
        }
      }
    }
    #expect(scanned > 500, "\(scanned) files scanned")
    let own = try Self.files(in: "Sources/Platform", ["swift"]).map(Self.text).joined()
    #expect(["Glibc", "Musl", "Darwin"].allSatisfy { own.contains("import \($0)\n") })
  }

  /// A header that only one system has is included only there.
  @Test func headersOfOneSystemAreGuarded() throws {
    var guarded = 0
    for path in try Self.files(in: "Sources", ["c", "cpp", "h", "hpp"]) {
      let found = PlatformScan.headers(in: try Self.text(path))
      guarded += found.filter(\.isGuarded).count
      for header in found where !header.isGuarded { Issue.record("\(path): <\(header.name)> without #if") }
    }
    #expect(guarded >= 3, "\(guarded) headers")
  }

  @Test(arguments: [
    ("import Glibc", ["import Glibc"]), ("public import Musl", ["import Musl"]),
    ("@preconcurrency import Darwin\n", ["import Darwin"]),
    ("#if canImport(Musl)\n#endif", ["canImport(Musl)"]), ("#if os(Linux)\n#endif", ["#if os(Linux)"]),
    ("#if !os(macOS) || DEBUG\n#endif", ["#if os(macOS)"]), ("_ = posix_fadvise(1, 0, 0, 4)", ["posix_fadvise"]),
    ("let t = s.st_mtim", ["st_mtim"]),
  ])
  func scanFinds(source: String, findings: [String]) {
    #expect(PlatformScan.findings(in: source, isTest: false) == findings)
  }

  @Test(arguments: [
    "// import Glibc\nimport AviaryPlatform",
    "import FoundationEssentials\n#if canImport(FoundationEssentials)\n#endif",
    "let st_mtimes = 1", "import GlibcTools",
  ])
  func scanPassesOver(source: String) { #expect(PlatformScan.findings(in: source, isTest: false).isEmpty) }

  @Test func scanSeesGuards() {
    let source = """
      #include <stdio.h>
      #ifdef __linux__
      #include <sys/auxv.h>
      #elif defined(__APPLE__)
      #include <mach/mach.h>
      #endif
      #if AVIARY
      #include <sys/syscall.h>
      #endif
      """
    let found = PlatformScan.headers(in: source)
    #expect(found.map(\.name) == ["sys/auxv.h", "mach/mach.h", "sys/syscall.h"])
    #expect(found.map(\.isGuarded) == [true, true, false])
  }

  private static func files(in folder: String, _ extensions: Set<String>) throws -> [String] {
    let root = PackageRoot.url.appendingPathComponent(folder)
    let files = try #require(FileManager.default.enumerator(atPath: root.path), "\(root.path) cannot be listed")
    return files.compactMap {
      ($0 as? String).flatMap { extensions.contains(($0 as NSString).pathExtension) ? $0 : nil }
    }
    .map { "\(folder)/\($0)" }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: PackageRoot.url.appendingPathComponent(path), encoding: .utf8)
  }
}

/// Finds what only one system has.
enum PlatformScan {
  private static let modules = ["Glibc", "Musl", "Darwin", "Android", "Bionic", "WinSDK"]
  /// Of Linux or of macOS alone, where both have something for the purpose.
  private static let functions: Set = [
    "posix_fadvise", "fdatasync", "sync_file_range", "fallocate", "posix_fallocate", "renameat2", "copy_file_range",
    "memfd_create", "mremap", "prctl", "syscall", "gettid", "sched_getaffinity", "sched_setaffinity", "get_nprocs",
    "epoll_create1", "kqueue", "sysctlbyname", "MAP_POPULATE", "O_TMPFILE", "O_DIRECT", "F_FULLFSYNC", "statfs",
    "fstatfs",
    "st_mtim", "st_mtimespec", "st_atim", "st_ctim", "qsort_r", "secure_getenv",
  ]

  struct Header {
    let name: String
    let isGuarded: Bool
  }

  static func findings(in source: String, isTest: Bool) -> [String] {
    // Nearly every file has none of them, and is not worth taking apart.
    let suspicious = (modules + functions + ["#if os(", "os("]).contains { source.contains($0) }
    guard suspicious else { return [] }
    var findings: [String] = []
    for line in SafetyScan.withoutComments(source).split(separator: "\n") {
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      let start = line.drop { $0 == " " }
      let module = words.first(where: modules.contains)
      if let module, words.contains("import"), !start.hasPrefix("#"), !line.contains("\"") {
        findings.append("import \(module)")
      } else if start.hasPrefix("#if") || start.hasPrefix("#elseif") {
        if let module { findings.append("canImport(\(module))") }
        if !isTest, let place = words.firstIndex(of: "os"), place + 1 < words.count {
          findings.append("#if os(\(words[place + 1]))")
        }
      }
      if !isTest { findings += words.filter(functions.contains) }
    }
    return findings
  }

  /// The headers in C that only one system has.
  static func headers(in source: String) -> [Header] {
    let names = [
      "sys/statfs.h", "sys/auxv.h", "sys/syscall.h", "sys/prctl.h", "sys/sysinfo.h", "sys/epoll.h", "sys/vfs.h",
      "sys/mount.h", "sys/sysctl.h", "malloc.h", "link.h", "features.h", "libproc.h",
    ]
    var conditions: [String] = []
    var found: [Header] = []
    for line in source.split(separator: "\n") {
      let directive = line.filter { $0 != " " }
      if directive.hasPrefix("#if") {
        conditions.append(directive)
      } else if directive.hasPrefix("#elif") || directive.hasPrefix("#else"), !conditions.isEmpty {
        conditions[conditions.count - 1] = directive.hasPrefix("#else") ? conditions[conditions.count - 1] : directive
      } else if directive.hasPrefix("#endif") {
        _ = conditions.popLast()
      } else if directive.hasPrefix("#include<") {
        let name = String(directive.dropFirst("#include<".count).prefix { $0 != ">" })
        guard names.contains(name) || ["linux/", "mach/", "mach-o/", "os/"].contains(where: name.hasPrefix) else {
          continue
        }
        let guards = ["__linux__", "__APPLE__", "__GLIBC__"]
        found.append(
          Header(name: name, isGuarded: conditions.contains { text in guards.contains { text.contains($0) } }))
      }
    }
    return found
  }
}
