import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Outputs replace files of their own kind; others only if a person insists.
@Suite struct OverwriteTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "in.h5")
  }

  @Test(arguments: ["out.h5", "out.pth", "out.safetensors", "out.npz"])
  func whatTheSameCommandWroteIsReplaced(name: String) throws {
    for _ in 0..<2 { #expect(try BuiltTool.run(["convert", scratch / "in.h5", scratch / name]).status == 0) }
    for other in ["notes", "another format", "empty"] {
      switch other {
      case "notes": try Data("years of work".utf8).write(to: URL(fileURLWithPath: scratch / name))
      case "empty": try Data().write(to: URL(fileURLWithPath: scratch / name))
      default:
        let source = name == "out.h5" ? "a.safetensors" : "in.h5"
        if name == "out.h5" { try ToyFiles.checkpoint().write(to: scratch / source) }
        try FileManager.default.removeItem(atPath: scratch / name)
        try FileManager.default.copyItem(atPath: scratch / source, toPath: scratch / name)
      }
      let before = try Data(contentsOf: URL(fileURLWithPath: scratch / name))
      let outcome = try BuiltTool.run(["convert", scratch / "in.h5", scratch / name])
      if other == "empty" {
        #expect(outcome.status == 0, "\(outcome.errors)")
        continue
      }
      expectFault(outcome, scratch / name, "exists and is", "--force")
      #expect(try Data(contentsOf: URL(fileURLWithPath: scratch / name)) == before)
      #expect(try BuiltTool.run(["convert", scratch / "in.h5", scratch / name, "--force"]).status == 0)
    }
  }

  /// An archive of arrays may be data.
  @Test func arraysOfOtherNamesAreKept() throws {
    var data = Checkpoint()
    data.set(StoredArray([1, 2] as [Float], shape: [2]), at: "x")
    try data.write(to: scratch / "data.npz")
    expectFault(try BuiltTool.run(["convert", scratch / "in.h5", scratch / "data.npz"]), "an archive of other arrays")
  }

  @Test func averagesAndFeaturesAsWell() throws {
    try ToyFiles.images(at: scratch / "images")
    try Data("mine".utf8).write(to: URL(fileURLWithPath: scratch / "a.h5"))
    expectFault(
      try BuiltTool.run(["average", scratch / "in.h5", scratch / "in.h5", "--output", scratch / "a.h5"]), "--force")
    let features = ["features", scratch / "in.h5", "--data", scratch / "images", "--output"]
    expectFault(try BuiltTool.run(features + [scratch / "a.h5"]), "not a checkpoint", "--force")
    expectFault(try BuiltTool.run(features + [scratch / "in.h5"]), "not a file of features")
    for _ in 0..<2 { #expect(try BuiltTool.run(features + [scratch / "f.h5"]).status == 0) }
    expectFault(try BuiltTool.run(["convert", scratch / "in.h5", scratch / "f.h5"]), "--force")
    expectFault(
      try BuiltTool.run(["quantize", scratch / "in.h5", "--data", scratch / "images", "--output", scratch / "a.h5"]),
      "--force")
  }
}
