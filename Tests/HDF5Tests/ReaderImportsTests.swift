import AviaryTestSupport
import Foundation
import Testing

/// A program that reads HDF5 files links zlib and nothing else: what the reader's modules import is listed here.
@Suite struct ReaderImportsTests {
  @Test func theReaderImportsNothingButZlib() throws {
    // CKernels is C that is compiled with the package; CryptoKit is part of Apple's systems, and hashes there what
    // libcrypto, loaded when it is needed, does elsewhere.
    let allowed: Set<String> = [
      "Android", "AviaryArchives", "AviaryDiagnostics", "AviaryPlatform", "CKernels", "CPlatform", "CryptoKit", "CZlib",
      "Darwin",
      "Glibc", "Musl",
      "Synchronization",
    ]
    for module in ["HDF5", "Archives", "Diagnostics", "Platform"] {
      let folder = PackageRoot.url.appendingPathComponent("Sources/" + module)
      let files = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
        .filter { $0.hasSuffix(".swift") }
      #expect(!files.isEmpty)
      for file in files {
        let source = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        for line in source.split(separator: "\n") where line.contains("import ") {
          let words = line.split(separator: " ").map(String.init)
          guard let at = words.firstIndex(of: "import"), words[..<at].allSatisfy({ $0.hasPrefix("@") }) else {
            continue
          }
          // `import struct Module.Name` and `import Module`.
          let name = words[words.count - 1].split(separator: ".")[0]
          #expect(allowed.contains(String(name)), "Sources/\(module)/\(file) imports \(name)")
        }
      }
    }
  }
}
