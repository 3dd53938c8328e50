import AviaryTestSupport
import Foundation
import Testing

/// Code that the compiler cannot check for memory safety stays in a few rooms, which hand out safe values.
@Suite struct SafetyRoomsTests {
  static let rooms = [
    "Sources/Kernels/", "Sources/HDF5Writing/", "Sources/Archives/", "Sources/Datasets/Decoding/",
    "Sources/LinearAlgebra/LAPACK.swift", "Sources/Pictures/Cairo/", "Sources/SQLite/",
    "Sources/MPI/",
  ]

  @Test func unsafeCodeStaysInItsRooms() throws {
    var scanned = 0
    var inRooms = 0
    for folder in ["Sources", "Models"] {
      let root = PackageRoot.url.appendingPathComponent(folder)
      let files = try #require(FileManager.default.enumerator(atPath: root.path), "\(root.path) cannot be listed")
      for case let file as String in files where file.hasSuffix(".swift") {
        let path = "\(folder)/\(file)"
        if Self.rooms.contains(where: path.hasPrefix) {
          inRooms += 1
          continue
        }
        scanned += 1
        let source = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
        for finding in SafetyScan.findings(in: source) {
          Issue.record("\(path):\(finding.line): `\(finding.word)` outside \(Self.rooms.joined(separator: ", "))")
        }
      }
    }
    // A wrong folder would find nothing and pass.
    #expect(scanned >= 5 && inRooms >= 1, "\(scanned) files scanned, \(inRooms) in the rooms")
  }

  @Test(arguments: [
    ("let a = unsafe b", ["unsafe"]),
    ("nonisolated(unsafe) var x = 1", ["unsafe"]),
    ("final class A: @unchecked Sendable {}", ["@unchecked"]),
    ("let m = Unmanaged<A>.self", ["Unmanaged"]),
    ("func f(_ p: UnsafeMutablePointer<Float>) {}", ["UnsafeMutablePointer"]),
    ("a.withUnsafeBytes { $0 }", ["withUnsafeBytes"]),
    ("unsafeBitCast(a, to: B.self)", ["unsafeBitCast"]),
    ("let glob = \"features/*\"; unsafe f()", ["unsafe"]),
    ("let url = \"https://x\"; unsafe f()", ["unsafe"]),
    ("let raw = #\"\\\"#; unsafe f()", ["unsafe"]),
    ("let text = \"\"\"\n  /* \" // \n  \"\"\"\nunsafe f()", ["unsafe"]),
    ("let q = \"\\\"/*\"; unsafe f()", ["unsafe"]),
    ("let s = \"\\(g(\"/*\"))\"; unsafe f()", ["unsafe"]),
    ("/* one /* two */ still */ unsafe f()", ["unsafe"]),
  ])
  func scanFinds(source: String, words: [String]) {
    #expect(SafetyScan.findings(in: source).map(\.word) == words)
  }

  @Test(arguments: [
    "// unsafe here\nlet a = 1", "/// `unsafe`, @unchecked\nlet a = 1", "/* Unmanaged /* unsafe */ unsafe */ let a = 1",
    "let unsafety = isUnsafe", "let unchecked = 2", "case unsafeLink",
  ])
  func scanPassesOver(source: String) {
    #expect(SafetyScan.findings(in: source).isEmpty)
  }

  @Test func scanCountsLines() {
    #expect(SafetyScan.findings(in: "/* a\n b */\n\nunsafe f()").map(\.line) == [4])
  }
}

/// Finds the words of unsafe code in Swift source, comments excepted.
enum SafetyScan {
  struct Finding: Equatable {
    let word: String
    let line: Int
  }

  static func findings(in source: String) -> [Finding] {
    // Nearly every file has none of them, and is not worth taking apart.
    guard ["nsafe", "@unchecked", "Unmanaged"].contains(where: source.contains) else { return [] }
    var findings: [Finding] = []
    for (index, line) in withoutComments(source).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "@") }
      for word in words where isUnsafe(word) {
        findings.append(Finding(word: String(word), line: index + 1))
      }
    }
    return findings
  }

  private static func isUnsafe(_ word: Substring) -> Bool {
    ["unsafe", "@unsafe", "@unchecked", "Unmanaged", "unsafeBitCast", "unsafeDowncast"].contains(word)
      || word.hasPrefix("Unsafe") || word.hasPrefix("withUnsafe")
  }

  /// The source with comments blanked out; strings stay, and what looks like a comment in them is none.
  ///
  /// Interpolations are told from the text around them, since both may hold quotes.
  static func withoutComments(_ source: String) -> String {
    /// What the scanner is inside of: code (at the bottom, or in an interpolation, with its open parentheses) or a string.
    enum Context {
      case code(parentheses: Int)
      case string(hashes: Int, multiline: Bool)
    }
    let text = Array(source)
    var contexts = [Context.code(parentheses: 0)]
    var output = ""
    var position = 0

    func matches(_ pattern: String, at start: Int) -> Bool {
      text[start...].starts(with: pattern)
    }
    func keep(_ count: Int) {
      output.append(contentsOf: text[position..<min(position + count, text.count)])
      position += count
    }

    while position < text.count {
      switch contexts[contexts.count - 1] {
      case .code(let parentheses):
        if matches("//", at: position) {
          while position < text.count, !text[position].isNewline { position += 1 }
        } else if matches("/*", at: position) {
          var depth = 0
          repeat {
            if matches("/*", at: position) {
              depth += 1
              position += 2
            } else if matches("*/", at: position) {
              depth -= 1
              position += 2
            } else {
              if text[position].isNewline { output.append("\n") }
              position += 1
            }
          } while depth > 0 && position < text.count
          output.append(" ")
        } else if text[position] == "\"" || text[position] == "#" {
          let hashes = text[position...].prefix { $0 == "#" }.count
          if position + hashes < text.count, text[position + hashes] == "\"" {
            let multiline = matches("\"\"\"", at: position + hashes)
            keep(hashes + (multiline ? 3 : 1))
            contexts.append(.string(hashes: hashes, multiline: multiline))
          } else {
            keep(max(hashes, 1))
          }
        } else {
          if text[position] == "(" {
            contexts[contexts.count - 1] = .code(parentheses: parentheses + 1)
          } else if text[position] == ")" {
            contexts[contexts.count - 1] = .code(parentheses: parentheses - 1)
            if parentheses == 1, contexts.count > 1 { contexts.removeLast() }
          }
          keep(1)
        }
      case .string(let hashes, let multiline):
        let marks = String(repeating: "#", count: hashes)
        let end = (multiline ? "\"\"\"" : "\"") + marks
        if matches("\\" + marks + "(", at: position) {
          keep(2 + hashes)
          contexts.append(.code(parentheses: 1))
        } else if matches("\\" + marks, at: position) {
          keep(2 + hashes)
        } else if matches(end, at: position) {
          keep(end.count)
          contexts.removeLast()
        } else {
          keep(1)
        }
      }
    }
    return output
  }
}
