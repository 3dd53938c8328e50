import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Weights and predictions that are not finite are said, in every command and format.
@Suite struct NonfiniteCommandTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  /// A network with one number in one tensor replaced.
  private static func spoilt(_ value: Float, at path: String, in checkpoint: Checkpoint) throws -> Checkpoint {
    var checkpoint = checkpoint
    let array = try #require(checkpoint[path])
    var numbers = try #require(array.floats())
    numbers[numbers.count / 2] = value
    checkpoint.set(StoredArray(numbers, shape: array.shape), at: path)
    return checkpoint
  }

  @Test(arguments: ["x.h5", "x.safetensors", "x.pth", "x.npz"]) func verifyNamesTheTensors(file: String) throws {
    let toy = try ToyFiles.checkpoint()
    let one = try Self.spoilt(.nan, at: "fc.weight", in: toy)
    try Self.spoilt(-Float.infinity, at: "conv1.weight", in: one).write(to: scratch / file)
    let count = (one["conv1.weight"]?.count ?? 0, one["fc.weight"]?.count ?? 0)
    let outcome = try BuiltTool.run(["verify", scratch / file])
    expectFault(
      outcome, file, "not finite", "'conv1.weight' (1 infinite of \(count.0) numbers)",
      "'fc.weight' (1 NaN of \(count.1) numbers)")
    let json = try BuiltTool.run(["verify", "--json", scratch / file])
    #expect(json.status == 1 && json.output.contains("fc.weight"))
  }

  /// A mask of infinities is nothing wrong in a foreign file.
  @Test func masksOfForeignFilesAreNamed() throws {
    var mask = Checkpoint()
    mask.set(StoredArray([0, -Float.infinity, 0, 0], shape: [2, 2]), at: "mask")
    try mask.write(to: scratch / "mask.safetensors")
    let outcome = try BuiltTool.run(["verify", scratch / "mask.safetensors"])
    #expect(outcome.status == 0 && outcome.output.contains("infinite numbers in 'mask' (1 infinite of 4 numbers)"))
  }

  /// In convolution, normalisation and head, NaN reaches the outputs.
  @Test(arguments: ["conv1.weight", "bn1.running_var", "fc.bias"]) func imagesAreNotPredicted(path: String) throws {
    try ToyFiles.images(at: scratch / "pets")
    try Self.spoilt(.nan, at: path, in: ToyFiles.checkpoint()).write(to: scratch / "toy.h5")
    let folder = scratch / "pets/test/cat"
    let photograph = folder + "/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).min()))
    let cause = "because its weights are not: '\(path)' (1 NaN"
    let predicted = try BuiltTool.run(["predict", scratch / "toy.h5", photograph])
    expectFault(predicted, photograph, cause)
    #expect(!predicted.output.contains("nan"))
    let json = try BuiltTool.run(["predict", scratch / "toy.h5", photograph, photograph, "--json"])
    expectFault(json, "2 of 2 images")
    let predictions = try #require(try json.json()["predictions"] as? [[String: Any]])
    #expect(predictions.allSatisfy { $0["error"] != nil && $0["classes"] == nil })
    let evaluated = try BuiltTool.run(["evaluate", scratch / "toy.h5", "--data", scratch / "pets"])
    expectFault(evaluated, cause)
    #expect(evaluated.output.isEmpty)
    let features = ["features", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / "f.h5"]
    if path == "fc.bias" {
      #expect(try BuiltTool.run(features).status == 0)
    } else {
      expectFault(try BuiltTool.run(features), cause)
      #expect(!scratch.names.contains("f.h5"))
    }
    expectFault(
      try BuiltTool.run(["quantize", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / "q.h5"]),
      "not finite", path)
    if path != "fc.bias" {
      expectFault(
        try BuiltTool.run([
          "finetune", "--from", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / "run",
        ]), "'\(path)'", "not finite before the first step")
    }
  }

  /// Finite weights whose outputs are too large are told apart.
  @Test func theInputIsTheCauseWhereWeightsAreFinite() throws {
    let toy = try ToyFiles.checkpoint()
    let shape = try #require(toy["conv1.weight"]?.shape)
    var large = toy
    large.set(StoredArray([Float](repeating: 3e38, count: shape.reduce(1, *)), shape: shape), at: "conv1.weight")
    try large.write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    let folder = scratch / "pets/test/cat"
    let photograph = folder + "/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).min()))
    expectFault(try BuiltTool.run(["predict", scratch / "toy.h5", photograph]), "though its weights are")
  }

  @Test(arguments: ["regression", "classification"]) func rowsOfTablesAreNotPredicted(task: String) throws {
    let rows = (0..<60).map { "\($0),\(59 - $0),\(task == "regression" ? "\($0).5" : $0 % 2 == 0 ? "even" : "odd")" }
    let table = try scratch.write("a,b,y\n" + rows.joined(separator: "\n") + "\n", to: "t.csv")
    let trained = try BuiltTool.run([
      "train", "mlp", "--data", table, "--target", "y", "--output", scratch / "run", "--epochs", "1", "--set",
      "hidden=[4]", "--task", task,
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let best = try Checkpoint.read(from: scratch / "run/best.h5")
    let path = try #require(best.paths.first { $0.hasSuffix("weight") })
    try Self.spoilt(.nan, at: path, in: best).write(to: scratch / "spoilt.h5")
    let predicted = try BuiltTool.run(["predict", scratch / "spoilt.h5", table])
    expectFault(predicted, "60 of 60 rows", "t.csv row 2: the network's outputs are not finite", "'\(path)' (1 NaN")
    #expect(!predicted.output.contains("nan"))
    expectFault(try BuiltTool.run(["evaluate", scratch / "spoilt.h5", "--data", table]), "not finite", path)
  }

  /// A run whose weights diverge ends with an error, and leaves nothing that is not finite.
  @Test func aRunThatDivergesStops() throws {
    try ToyFiles.images(at: scratch / "pets")
    let outcome = try BuiltTool.run([
      "train", "resnet-toy", "--data", scratch / "pets", "--output", scratch / "run", "--epochs", "3", "--lr", "1e38",
      "--optimizer", "sgd", "--batch-size", "8",
    ])
    expectFault(outcome, "--lr")
    for file in ["best.h5", "last.h5"] where FileManager.default.fileExists(atPath: scratch / "run/\(file)") {
      #expect(try BuiltTool.run(["verify", scratch / "run/\(file)"]).status == 0)
    }
  }
}
