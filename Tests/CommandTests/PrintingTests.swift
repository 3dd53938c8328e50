import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Names and texts of strangers' files do not reach the terminal as what it would obey.
@Suite struct PrintingTests {
  /// Colours, a title, a line of its own, C1 controls, a turned direction.
  private static let hostile = "a\u{1b}[31m\u{7}b\nerror: c\r\t\u{9b}2J\u{202e}d\u{2028}.weight"
  private static let shown = "a\\u{1b}[31m\\u{7}b\\nerror: c\\r\\t\\u{9b}2J\\u{202e}d\\u{2028}.weight"

  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: Self.hostile)
    checkpoint.set(StoredArray([3] as [Float], shape: [1]), at: "plain")
    checkpoint.metadata.licence = "free\u{1b}]0;owned\u{7}"
    checkpoint.metadata.classes = ["x\u{9b}31m", "y\u{202e}"]
    try checkpoint.write(to: scratch / "in.safetensors")
    checkpoint.set(StoredArray([1, 3] as [Float], shape: [2]), at: Self.hostile)
    try checkpoint.write(to: scratch / "other.safetensors")
  }

  private func expectHarmless(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let harmful = text.unicodeScalars.filter { scalar in
      scalar.properties.generalCategory == .control && scalar != "\n" || scalar.value == 0x202e
        || scalar.value == 0x2028
    }
    #expect(harmful.isEmpty, "\(harmful.map(\.value)) in \(text.debugDescription)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    ["inspect", "in.safetensors"], ["inspect", "in.safetensors", "--json"],
    ["inspect", "in.safetensors", "--tensor", hostile], ["diff", "in.safetensors", "other.safetensors"],
    ["convert", "in.safetensors", "out.h5", "--architecture", "resnet-toy"],
  ]) func nothingIsObeyed(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments, in: scratch.path)
    expectHarmless(outcome.output)
    expectHarmless(outcome.errors)
    // A name does not begin a line of its own.
    #expect(!outcome.output.contains("\nerror: c") && !outcome.errors.contains("\nerror: c"))
    #expect((outcome.output + outcome.errors).contains("[31m"), "the name is not shown: \(outcome.output)")
  }

  @Test func namesAreSpelledOut() throws {
    let listed = try BuiltTool.run(["inspect", "in.safetensors"], in: scratch.path)
    #expect(listed.lines.contains { $0.hasPrefix(Self.shown) }, "\(listed.output)")
    #expect(listed.lines.contains { $0.hasSuffix(#"free\u{1b}]0;owned\u{7}"#) })
    // As JSON they are what they were.
    let tensors = try BuiltTool.run(["inspect", "in.safetensors", "--json"], in: scratch.path).json()["tensors"]
    let paths = try #require(tensors as? [[String: Any]]).compactMap { $0["path"] as? String }
    #expect(Set(paths) == [Self.hostile, "plain"])
  }

  @Test func aMessageStaysOneLine() throws {
    let outcome = try BuiltTool.run(["inspect", "in.safetensors", "--tensor", "no\nsuch\u{1b}[0m"], in: scratch.path)
    expectFault(outcome, #"'no\nsuch\u{1b}[0m'"#)
    expectHarmless(outcome.errors)
  }
}
