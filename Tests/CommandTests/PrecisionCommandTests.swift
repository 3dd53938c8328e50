import Aviary
import Foundation
import Testing

/// `--precision` of the commands.
@Suite struct PrecisionCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
  }

  /// oneDNN takes a processor for a smaller one where it is told to, by one of these, as its version is 2 or 3.
  private let smallerProcessor = ["DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"]

  @Test(arguments: [
    ["predict", "toy.h5", "pets"], ["evaluate", "toy.h5", "--data", "pets"],
    ["train", "resnet-toy", "--data", "pets", "--output", "run"],
    ["finetune", "--from", "toy.h5", "--data", "pets", "--output", "run"],
    ["features", "toy.h5", "--data", "pets", "--output", "features.h5"],
  ])
  func itIsRefusedWithoutInstructions(arguments: [String]) throws {
    let before = scratch.names
    let outcome = try BuiltTool.run(
      arguments + ["--precision", "bf16"], in: scratch.path, environment: smallerProcessor)
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
    #expect(outcome.errors.contains("--precision bf16: this processor has no instructions for it"), "\(outcome.errors)")
    #expect(scratch.names == before)
    // What needs none works.
    if arguments[0] == "predict" {
      let outcome = try BuiltTool.run(
        arguments + ["--precision", "f32"], in: scratch.path, environment: smallerProcessor)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test(.enabled(if: Precision.bfloat16.isAvailable, "this processor has no instructions for bfloat16"))
  func predictionsChangeALittle() throws {
    /// Of the first class, of each image.
    func probabilities(_ precision: String) throws -> [Double] {
      let outcome = try BuiltTool.run(
        ["predict", "toy.h5", "pets", "--json", "--precision", precision], in: scratch.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
      return try predictions.map { prediction in
        let classes = try #require(prediction["classes"] as? [[String: Any]])
        return try #require(classes.first { $0["name"] as? String == "cat" }?["probability"] as? Double)
      }
    }
    let (full, low) = (try probabilities("f32"), try probabilities("bf16"))
    #expect(full.count > 4 && low.count == full.count && full != low)
    #expect(zip(full, low).allSatisfy { abs($0 - $1) < 0.05 })
  }
}
