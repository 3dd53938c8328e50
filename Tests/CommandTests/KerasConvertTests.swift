import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Keras models on the command line, without a network being named.
@Suite struct KerasConvertTests {
  private static func golden(_ name: String) -> String { Goldens.url("keras/\(name)", of: "KerasTests").path }

  @Test func aChainBecomesANetworkThatPredicts() throws {
    let scratch = try ScratchFolder()
    let outcome = try BuiltTool.run([
      "convert", Self.golden("conv2d.keras"), scratch / "a.h5", "--preprocessing", "unit", "--classes", "x,y,z",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("keras-chain: 18 tensors loaded"))
    let result = try Checkpoint.read(from: scratch / "a.h5")
    #expect(result.metadata.architecture == KerasNetwork.architecture)
    #expect(try result.preprocessing()?.outputSize == ImageSize(height: 9, width: 11))
    #expect(result.metadata.extra["config.json"] == nil)
    try ToyFiles.images(at: scratch / "images")
    let image = try #require(
      FileManager.default.enumerator(atPath: scratch / "images")?.compactMap { $0 as? String }.first {
        $0.hasSuffix(".png") || $0.hasSuffix(".jpg")
      })
    let predicted = try BuiltTool.run(["predict", scratch / "a.h5", scratch / "images/" + image, "--json"])
    let object = try predicted.json()
    let predictions = try #require(object["predictions"] as? [[String: Any]])
    let classes = try #require(predictions[0]["classes"] as? [[String: Any]])
    #expect(Set(classes.compactMap { $0["name"] as? String }) == ["x", "y", "z"])
    #expect(abs(classes.compactMap { $0["probability"] as? Double }.reduce(0, +) - 1) < 1e-5)
    #expect(try BuiltTool.run(["verify", scratch / "a.h5"]).output.contains("fits keras-chain"))
    // The Keras file itself will do, too.
    let direct = try BuiltTool.run([
      "predict", Self.golden("conv2d.keras"), scratch / "images/" + image, "--preprocessing", "unit", "--classes",
      "x,y,z",
      "--json",
    ])
    #expect(direct.lines == predicted.lines)
  }

  /// What is not as in Keras is said wherever the model works, and what is so in training only, where it is trained.
  @Test func differencesFromKerasAreSaid() throws {
    let scratch = try ScratchFolder()
    try scratch.write("a,b,c,d\n1,2,3,4\n", to: "rows.csv")
    let policies = Goldens.url("masks/policies.keras", of: "KerasTests").path
    let predicted = try BuiltTool.run(["predict", policies, scratch / "rows.csv"])
    #expect(predicted.status == 0 && predicted.errors.contains("dtype policy mixed_bfloat16"), "\(predicted.errors)")
    let dropout = Self.golden("inner_dropout.keras")
    #expect(try BuiltTool.run(["convert", dropout, scratch / "a.h5"]).output.contains("dropout inside of a LSTM"))
  }

  @Test func writesWeightsForKeras() throws {
    let scratch = try ScratchFolder()
    let input = Self.golden("functional.keras")
    #expect(try BuiltTool.run(["convert", input, scratch / "a.weights.h5"]).status == 0)
    let (own, theirs) = (
      try Checkpoint.read(from: scratch / "a.weights.h5"),
      try Checkpoint.read(from: Self.golden("functional.weights.h5"))
    )
    #expect(CheckpointDifference(own, theirs).isEmpty)
    let back = [
      "convert", scratch / "a.weights.h5", scratch / "b.h5", "--keras-model", input, "--json",
    ]
    let object = try BuiltTool.run(back).json()
    #expect(object["architecture"] as? String == "keras-chain")
    let loaded = try #require(object["loaded"] as? [[String: Any]])
    #expect(loaded.count == 4)
    #expect(loaded[0]["path"] as? String == "conv_1.weight" && loaded[0]["shape"] as? [Int] == [3, 2, 3, 3])
    expectFault(try BuiltTool.run(["convert", input, scratch / "c.weights.h5", "--keep-names"]), "names no network")
  }

  /// As Teachable Machine exports them: a graph in a file, and beside it the classes with their numbers.
  @Test func classesComeFromLabelsBesideTheFile() throws {
    let scratch = try ScratchFolder()
    let source = Goldens.url("graphs/teachable.h5", of: "KerasTests").path
    try FileManager.default.copyItem(atPath: source, toPath: scratch / "keras_model.h5")
    try "0 A dog\n1 Cat\n".write(toFile: scratch / "labels.txt", atomically: true, encoding: .utf8)
    try ToyFiles.images(at: scratch / "images")
    func names(_ options: [String]) throws -> Set<String> {
      let outcome = try BuiltTool.run(
        ["predict", scratch / "keras_model.h5", scratch / "images", "--preprocessing", "tensorflow", "--json"] + options
      )
      let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
      let classes = try #require(predictions[0]["classes"] as? [[String: Any]])
      return Set(classes.compactMap { $0["name"] as? String })
    }
    #expect(try names([]) == ["A dog", "Cat"])
    #expect(try names(["--classes", scratch / "labels.txt"]) == ["A dog", "Cat"])
    #expect(try names(["--classes", "x,y"]) == ["x", "y"])
    // Three names are not of two outputs.
    try "0 A dog\n1 Cat\n2 Bird\n".write(toFile: scratch / "labels.txt", atomically: true, encoding: .utf8)
    #expect(try names([]) == ["class 0", "class 1"])
    let run = try BuiltTool.run([
      "finetune", "--from", scratch / "keras_model.h5", "--data", scratch / "images", "--output", scratch / "run",
      "--preprocessing", "tensorflow", "--epochs", "1", "--freeze", "backbone",
    ])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try Checkpoint.read(from: scratch / "run/best.h5").metadata.architecture == "keras-graph")
  }

  @Test func whatIsNoNetworkIsSaid() throws {
    let scratch = try ScratchFolder()
    expectFault(try BuiltTool.run(["predict", Self.golden("tf212.weights.h5"), "x.csv"]), "--keras-model MODEL")
    expectFault(
      try BuiltTool.run(["convert", Self.golden("unknown.keras"), scratch / "a.h5"]),
      "layer 'inner/strange' is a Lambda, which Aviary does not know", "--keep-names")
    #expect(scratch.names.isEmpty)
    let kept = try BuiltTool.run(["convert", Self.golden("unknown.keras"), scratch / "a.h5", "--keep-names"])
    #expect(kept.status == 0 && kept.output.contains("names and layouts are kept"))
    expectFault(
      try BuiltTool.run(["predict", Self.golden("values.keras"), "x.png", "--preprocessing", "unit"]),
      "are not class scores")
  }

  @Test func byStructureOrNot() throws {
    let scratch = try ScratchFolder()
    let toy = try ToyFiles.checkpoint()
    var foreign = Checkpoint()
    for (index, entry) in toy.entries.enumerated() where !entry.path.hasSuffix("num_batches_tracked") {
      // safetensors keeps tensors in the order of their names.
      foreign.set(entry.array, at: "param_\(1000 + index)")
    }
    try foreign.write(to: scratch / "in.safetensors")
    let arguments = ["convert", scratch / "in.safetensors", scratch / "out.h5", "--architecture", "resnet-toy"]
    expectFault(try BuiltTool.run(arguments), "no tensor has a name of the network")
    // A structure is that of a network with as many classes as the toy was made for.
    let configuration = try #require(toy.metadata.configuration)
    var named = foreign
    named.metadata.architecture = "resnet-toy"
    named.metadata.configuration = configuration
    try named.write(to: scratch / "named.safetensors")
    let outcome = try BuiltTool.run(["convert", scratch / "named.safetensors", scratch / "out.h5", "--by-structure"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try Checkpoint.read(from: scratch / "out.h5")
    for entry in result.entries { #expect(entry.array.floats() == toy[entry.path]?.floats(), "\(entry.path)") }
    #expect(result.entries.count == foreign.entries.count)
    expectFault(
      try BuiltTool.run(["convert", scratch / "in.safetensors", scratch / "b.h5", "--by-structure"]), "--architecture")
  }

  @Test func theReportOfWhatDoesNotFitIsJSON() throws {
    let scratch = try ScratchFolder()
    var near = Checkpoint()
    for entry in try ToyFiles.checkpoint().entries {
      switch entry.path {
      case "conv1.weight": near.set(entry.array, at: "conv1.wieght")
      case "bn1.bias": near.set(StoredArray([1, 2] as [Float], shape: [2]), at: entry.path)
      default: near.set(entry.array, at: entry.path)
      }
    }
    try near.write(to: scratch / "in.safetensors")
    let outcome = try BuiltTool.run([
      "convert", scratch / "in.safetensors", scratch / "out.h5", "--architecture", "resnet-toy", "--json",
    ])
    #expect(outcome.status == 1 && outcome.errors.contains("does not fit the network"))
    let object = try outcome.json()
    let missing = try #require(object["missing"] as? [[String: Any]])
    #expect(missing.count == 1 && missing[0]["did_you_mean"] as? String == "conv1.wieght")
    #expect(missing[0]["shape"] as? [Int] == [8, 3, 7, 7])
    let unexpected = try #require(object["unexpected"] as? [[String: Any]])
    #expect(unexpected[0]["did_you_mean"] as? String == "conv1.weight")
    let mismatched = try #require(object["mismatched"] as? [[String: Any]])
    #expect(mismatched[0]["path"] as? String == "bn1.bias" && mismatched[0]["shape"] as? [Int] == [2])
    #expect(mismatched[0]["expected"] as? [Int] == [8])
    #expect(object["output"] is NSNull && scratch.names == ["in.safetensors"])
  }
}
