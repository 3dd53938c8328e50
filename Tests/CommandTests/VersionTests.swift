import AviaryTestSupport
import Foundation
import Testing

/// The version stands in one place, from which the command, the changelog and the packaging take it.
@Suite struct VersionTests {
  @Test func theCommandAndTheChangelogAgree() throws {
    let outcome = try BuiltTool.run(["--version"])
    let version = try #require(outcome.lines.first)
    #expect(outcome.status == 0 && version.split(separator: ".").count == 3, "\(outcome.output)")
    let changelog = try Self.text("CHANGELOG.md")
    let newest = changelog.split(separator: "\n").first { $0.hasPrefix("## ") }
    #expect(newest == "## \(version)")
  }

  @Test func noOtherSourceHasIt() throws {
    let place = "Sources/Diagnostics/PackageVersion.swift"
    let version = try #require(Self.text(place).split(separator: "\"").dropFirst().first)
    for folder in ["Sources", "Models", "tools"] {
      let files = FileManager.default.enumerator(atPath: PackageRoot.url.appendingPathComponent(folder).path)
      for case let file as String in try #require(files) where "\(folder)/\(file)" != place {
        guard let text = try? Self.text("\(folder)/\(file)"), !file.hasSuffix(".md") else { continue }
        #expect(!text.contains("\"\(version)\""), "\(folder)/\(file) repeats the version \(version)")
      }
    }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: PackageRoot.url.appendingPathComponent(path), encoding: .utf8)
  }
}
