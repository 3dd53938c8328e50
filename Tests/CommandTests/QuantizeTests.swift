import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// `aviary quantize`, and what the other commands make of its file.
@Suite struct QuantizeTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
  }

  private func quantize(_ more: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      ["quantize", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / "q.h5"] + more)
  }

  @Test func makesIntegersAndSaysWhatTheyCost() throws {
    let outcome = try quantize("--json", "--calibration", "8")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    #expect(report["calibration_images"] as? Int == 8)
    let (before, after) = (report["bytes_before"] as? Int ?? 0, report["bytes_after"] as? Int ?? 0)
    #expect(after > 0 && after < before)
    let heldOut = try #require(report["held_out"] as? [String: Any])
    #expect(heldOut["part"] as? String == "test" && heldOut["images"] as? Int == 4)
    let file = try Checkpoint.read(from: scratch / "q.h5")
    #expect(file.quantizedPaths.count == report["tensors"] as? Int && !file.quantizedPaths.isEmpty)
    #expect(file.metadata.classes == ["cat", "dog"] && file.metadata.extra["quantization"] != nil)
    // The same images give the same file.
    let first = try Data(contentsOf: URL(filePath: scratch / "q.h5"))
    #expect(try quantize("--calibration", "8").status == 0)
    #expect(try Data(contentsOf: URL(filePath: scratch / "q.h5")) == first)
  }

  @Test func theOtherCommandsTakeItsFile() throws {
    #expect(try quantize().status == 0)
    let q = scratch / "q.h5"
    let inspected = try BuiltTool.run(["inspect", q])
    #expect(inspected.lines.contains { $0.contains("int8 quantized") })
    #expect(try BuiltTool.run(["verify", q]).lines.first?.contains("ok") == true)
    #expect(try BuiltTool.run(["diff", scratch / "toy.h5", q]).status == 1)
    let evaluated = try BuiltTool.run(["evaluate", q, "--data", scratch / "pets", "--json"])
    #expect(try evaluated.json()["images"] as? Int == 4, "\(evaluated.errors)")
    #expect(
      try BuiltTool.run(["features", q, "--data", scratch / "pets", "--output", scratch / "f.h5"]).status == 0)
    expectFault(
      try BuiltTool.run(["average", q, q, "--output", scratch / "mean.h5"]), "is quantized", "convert")
    expectFault(
      try BuiltTool.run(["quantize", q, "--data", scratch / "pets", "--output", scratch / "r.h5"]),
      "already quantized")
    let converted = try BuiltTool.run(["convert", q, scratch / "q.safetensors"])
    #expect(converted.lines.contains { $0.contains("dequantized") })
    #expect(try Checkpoint.read(from: scratch / "q.safetensors").quantizedPaths.isEmpty)
    #expect(try BuiltTool.run(["diff", q, scratch / "q.safetensors"]).status == 0)
    #expect(try BuiltTool.run(["convert", q, scratch / "kept.h5"]).status == 0)
    #expect(try Checkpoint.read(from: scratch / "kept.h5").quantizedPaths == Checkpoint.read(from: q).quantizedPaths)
    #expect(try BuiltTool.run(["convert", q, scratch / "floats.h5", "--dtype", "f32"]).status == 0)
    #expect(try Checkpoint.read(from: scratch / "floats.h5").quantizedPaths.isEmpty)
    let tuned = try BuiltTool.run([
      "finetune", "--from", q, "--data", scratch / "pets", "--output", scratch / "run", "--epochs", "1",
    ])
    #expect(tuned.status == 0 && tuned.errors.contains("in float32"), "\(tuned.errors)")
    #expect(try Checkpoint.read(from: scratch / "run/last.h5").quantizedPaths.isEmpty)
  }

  @Test func whyNoAccuracyIsMeasuredIsSaid() throws {
    for part in ["train", "test"] {
      try FileManager.default.moveItem(atPath: scratch / "pets/\(part)/cat", toPath: scratch / "pets/\(part)/fox")
    }
    let outcome = try quantize("--json")
    #expect(outcome.status == 0 && outcome.errors.contains("the classes of its part test are not the network's"))
    #expect(try outcome.json()["held_out"] == nil)
  }

  /// Sums of attributions are off by what integers round, which steps do not change.
  @Test func moreStepsAreNoAdviceForIntegers() throws {
    #expect(try quantize().status == 0)
    let folder = scratch / "pets/test/cat"
    let photograph = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).min())
    func explained(_ file: String) throws -> String {
      let outcome = try BuiltTool.run([
        "explain", scratch / file, folder + "/" + photograph, "--method", "ig", "--steps", "2", "--baseline",
        "black", "--output", scratch / "out",
      ])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output
    }
    let (integers, floats) = (try explained("q.h5"), try explained("toy.h5"))
    #expect(!integers.contains("give more with --steps") || !Quantization.isSupported)
    #expect(!integers.contains("; ") || integers.contains("as it was before quantize") || !Quantization.isSupported)
    #expect(!floats.contains("before quantize"))
  }

  @Test func whatCannotBeQuantisedIsOneLine() throws {
    let data = ["--data", scratch / "pets"]
    expectFault(
      try BuiltTool.run(["quantize", scratch / "toy.h5", "--output", scratch / "q.safetensors"] + data), ".h5")
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    expectFault(
      try BuiltTool.run(["quantize", scratch / "headless.h5", "--output", scratch / "q.h5"] + data),
      "no classifier head")
    let text = try Registry.zoo.architecture(named: "char-toy").build()
    text.initialize(seed: 1)
    try text.checkpoint(architecture: "char-toy").write(to: scratch / "text.h5")
    expectFault(
      try BuiltTool.run(["quantize", scratch / "text.h5", "--output", scratch / "q.h5"] + data),
      "text.h5: is for text; quantize is for networks of images")
    // A network of tables has no preprocessing of images, and giving it one would not help.
    var table = try ToyFiles.checkpoint()
    table.metadata.preprocessing = try InputPreparation.text.json()
    try table.write(to: scratch / "trained.h5")
    expectFault(
      try BuiltTool.run(["quantize", scratch / "trained.h5", "--output", scratch / "q.h5"] + data), "is for text;")
    expectFault(
      try BuiltTool.run(["predict", scratch / "trained.h5", scratch / "pets"]), "trained on text, and takes no images")
    let rows = try scratch.write("a,b\n1,2\n", to: "t.csv")
    expectFault(
      try BuiltTool.run(["quantize", scratch / "toy.h5", "--data", rows, "--output", scratch / "q.h5"]),
      "t.csv: holds tables;")
    #expect(!FileManager.default.fileExists(atPath: scratch / "q.h5"))
  }
}
