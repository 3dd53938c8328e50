import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct ExplainCommandTests {
  private let scratch: ScratchFolder
  private let photograph: String

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    let folder = scratch / "pets/test/cat"
    photograph = folder + "/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).min()))
  }

  private func explain(_ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["explain", scratch / "toy.h5"] + options)
  }

  @Test func writesAPictureAndItsNumbers() throws {
    let out = scratch / "out"
    let outcome = try explain(
      photograph, photograph, "--class", "dog", "--output", out, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try #require(try outcome.json()["explanations"] as? [[String: Any]])
    #expect(found.count == 2 && found.allSatisfy { $0["class"] as? String == "dog" })
    #expect(found[0]["method"] as? String == "gradcam" && found[0]["layer"] as? String == "layer4")
    let pictures = found.compactMap { $0["picture"] as? String }
    #expect(Set(pictures).count == 2, "two images of one name have files of their own")
    for picture in pictures {
      #expect(try Data(contentsOf: URL(fileURLWithPath: picture)).starts(with: [0x89, 0x50, 0x4e, 0x47]))
    }
    let arrays = try Checkpoint.read(from: try #require(found[0]["numbers"] as? String))
    #expect(arrays["map"]?.shape == [64, 64] && arrays["picture"]?.shape == [64, 64, 3])
    #expect(arrays["class"]?.doubles() == [1] && arrays["attributions"]?.shape.count == 2)
    // Its own files are written over, others are not.
    let again = try explain(photograph, "--output", out)
    #expect(again.status == 0 && again.lines[0] == photograph, "\(again.errors)")
    try Data("mine".utf8).write(to: URL(fileURLWithPath: pictures[0]))
    expectFault(try explain(photograph, "--output", out), "not a picture", "--force")
  }

  @Test(arguments: [
    ["saliency"], ["inputxgradient"], ["ig", "--steps", "4", "--baseline", "black"],
    ["smoothgrad", "--samples", "2", "--noise", "0.1", "--seed", "3"], ["guided"],
    ["occlusion", "--patch", "32", "--stride", "32"],
  ]) func everyMethodExplains(_ options: [String]) throws {
    let outcome = try BuiltTool.run(
      ["explain", scratch / "toy.h5", photograph, "--output", scratch / "out", "--json", "--method"] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try #require((try outcome.json()["explanations"] as? [[String: Any]])?.first)
    #expect(found["method"] as? String == options[0])
    let arrays = try Checkpoint.read(from: try #require(found["numbers"] as? String))
    #expect(arrays["attributions"]?.shape == [3, 64, 64] && arrays["map"]?.shape == [64, 64])
    #expect(arrays["map"]?.floats()?.contains { $0 != 0 } == true)
    #expect((found["completeness"] != nil) == (options[0] == "ig"))
  }

  /// A head of zeros: nothing in the image counts, and there is nothing to compare.
  @Test func mapsOfRandomWeightsAreCompared() throws {
    let outcome = try explain(
      photograph, "--class", "dog", "--output", scratch / "out", "--method", "saliency", "--sanity", "--json")
    let found = try #require((try outcome.json()["explanations"] as? [[String: Any]])?.first)
    let sanity = try #require(found["sanity"] as? [String: Any])
    #expect((sanity["stages"] as? [Any])?.isEmpty == false && sanity["depends_on_weights"] is Bool, "\(sanity)")
    #expect(sanity["correlation"] is Double)
  }

  @Test func aMapOfZerosIsSaid() throws {
    var checkpoint = try ToyFiles.checkpoint()
    let weights = try #require(checkpoint["fc.weight"])
    checkpoint.set(StoredArray([Float](repeating: 0, count: weights.count), shape: weights.shape), at: "fc.weight")
    try checkpoint.write(to: scratch / "toy.h5")
    let options = [photograph, "--class", "cat", "--output", scratch / "out", "--method", "saliency", "--sanity"]
    let outcome = try BuiltTool.run(["explain", scratch / "toy.h5"] + options + ["--json"])
    #expect(outcome.status == 0 && outcome.errors.contains("the map is zero everywhere"), "\(outcome.errors)")
    let found = try #require((try outcome.json()["explanations"] as? [[String: Any]])?.first)
    let sanity = try #require(found["sanity"] as? [String: Any])
    #expect(sanity["correlation"] is NSNull && sanity["depends_on_weights"] is NSNull)
    let plain = try BuiltTool.run(["explain", scratch / "toy.h5"] + options)
    #expect(plain.output.contains("the map is the same everywhere: there is nothing to compare"), "\(plain.output)")
  }

  @Test func anImageThatCannotBeReadIsNamed() throws {
    let text = try scratch.write("no picture", to: "text.jpg")
    let outcome = try explain(text, photograph, "--output", scratch / "out", "--json")
    expectFault(outcome, "text.jpg: not an image")
    let found = try #require(try outcome.json()["explanations"] as? [[String: Any]])
    #expect(found.map { $0["error"] != nil } == [true, false])
  }

  /// One line says what is wrong, and nothing is written.
  @Test func wrongValuesAre64() throws {
    func expectUsage(_ options: [String], _ texts: String..., sourceLocation: SourceLocation = #_sourceLocation) throws
    {
      let outcome = try BuiltTool.run(["explain", scratch / "toy.h5"] + options)
      #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.errors)", sourceLocation: sourceLocation)
      for text in texts { #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: sourceLocation) }
    }
    let out = ["--output", scratch / "none"]
    try expectUsage([photograph, "--class", "dig"] + out, "error: --class dig: ", "did you mean 'dog'?")
    try expectUsage([photograph, "--class", "2"] + out, "error: --class 2: ", "cat, dog")
    try expectUsage([photograph, "--layer", "layer5"] + out, "error: --layer: ", "did you mean 'layer1'?")
    try expectUsage([photograph, "--layer", "fc"] + out, "error: --layer: ", "not a feature map")
    try expectUsage([photograph, "--method", "magic"] + out, "--method", "gradcam")
    try expectUsage([photograph, "--method", "occlusion", "--patch", "65"] + out, "error: --patch: ")
    try expectUsage([photograph, "--method", "occlusion", "--patch", "4", "--stride", "5"] + out, "--stride 5")
    try expectUsage([photograph, "--steps", "4"] + out, "--steps is for --method ig")
    try expectUsage([photograph], "--output is missing")
    try expectUsage(out, "give the images")
    try expectUsage([photograph, "--data", "t.csv"] + out, "--data is for --method permutation")
    try expectUsage(["t.csv"] + out, "t.csv is a table", "--method permutation --data t.csv")
    try expectUsage(["--method", "permutation"], "needs --data")
    try expectUsage([photograph, "--method", "permutation", "--data", "t.csv"], "no images")
    try expectUsage(["--method", "permutation", "--data", scratch / "pets"], "is not a table")
    #expect(!scratch.names.contains("none"))
  }

  @Test func columnsAreRankedByWhatTheyAreWorth() throws {
    var lines = ["noise,signal,colour,class"]
    for row in 0..<60 {
      let label = row % 2
      lines.append("\(row * 7 % 11),\(label * 2 - 1 + row % 3),\(["red", "blue"][row / 2 % 2]),\(["no", "yes"][label])")
    }
    let table = try scratch.write(lines.joined(separator: "\n") + "\n", to: "table.csv")
    let run = scratch / "run"
    let trained = try BuiltTool.run([
      "train", "mlp", "--data", table, "--target", "class", "--output", run, "--epochs", "30", "--learning-rate",
      "0.02",
      "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let arguments = ["explain", run, "--method", "permutation", "--data", table, "--part", "all", "--repeats", "3"]
    let outcome = try BuiltTool.run(arguments + ["--output", scratch / "importance", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    #expect(report["score"] as? String == "accuracy" && report["rows"] as? Int == 60)
    let columns = try #require(report["columns"] as? [[String: Any]])
    #expect(columns[0]["name"] as? String == "signal")
    #expect(Set(columns.compactMap { $0["name"] as? String }) == ["noise", "signal", "colour"])
    #expect((columns[0]["importance"] as? Double ?? 0) > 0.1)
    #expect((columns[0]["importances"] as? [Double])?.count == 3)
    let arrays = try Checkpoint.read(from: scratch / "importance/permutation.npz")
    #expect(arrays["importances"]?.shape == [3, 3])
    #expect(try BuiltTool.run(arguments + ["--json"]).output == outcome.output, "the seed decides")
    expectFault(
      try BuiltTool.run(["explain", scratch / "toy.h5", "--method", "permutation", "--data", table]), "toy.h5")
  }

  @Test func theOutputThatIsExplainedIsNamed() throws {
    func dense(_ name: String, _ activation: String, _ units: Int) -> String {
      #"{"activation":"\#(activation)","inputs":["pool"],"name":"\#(name)","place":"\#(name)","#
        + #""operation":{"dense":{"bias":false,"units":\#(units)}}}"#
    }
    let pool =
      #"{"activation":"linear","inputs":["input"],"name":"pool","place":"pool","#
      + #""operation":{"globalPool":{"keepsPositions":false,"kind":"average"}}}"#
    var checkpoint = Checkpoint()
    checkpoint.metadata.architecture = "keras-graph"
    checkpoint.metadata.configuration = try JSONValue(
      parsing: #"{"inputs":[{"name":"input","shape":[3,64,64]}],"layers":[\#(pool),\#(dense("kind", "softmax", 2)),"#
        + #"\#(dense("age", "linear", 1))],"results":["kind","age"]}"#)
    checkpoint.metadata.preprocessing = try JSONValue(parsing: ToyFiles.preprocessing)
    checkpoint.set(StoredArray([1, 0, -1, 0, 1, 1] as [Float], shape: [2, 3]), at: "kind.weight")
    checkpoint.set(StoredArray([1, 2, 3] as [Float], shape: [1, 3]), at: "age.weight")
    try checkpoint.write(to: scratch / "two.h5")
    let outcome = try BuiltTool.run([
      "explain", scratch / "two.h5", photograph, "--method", "saliency", "--output", scratch / "out",
    ])
    #expect(outcome.status == 0 && outcome.errors.contains("two.h5: has 2 outputs; its classes are those of 'kind'"))
    // Long names are cut off at their ends, numbers are not.
    #expect(outcome.output.contains(" % class "), "\(outcome.output)")
  }

  /// Estimates that are all too low explain the variance and have a lower R².
  @Test func regressionsLoseR2() throws {
    let lines = (0..<40).map { "\($0 * 7 % 13),\(100 + 5 * ($0 * 7 % 13) + $0)" }
    let table = try scratch.write("size,price\n" + lines.joined(separator: "\n") + "\n", to: "prices.csv")
    let trained = try BuiltTool.run([
      "train", "mlp", "--data", table, "--target", "price", "--output", scratch / "run", "--epochs", "2", "--quiet",
      "--time-series",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let scores = try BuiltTool.run(["evaluate", scratch / "run", "--data", table, "--json"]).json()
    let r2 = try #require(scores["r2"] as? Double)
    #expect(try #require(scores["explained_variance"] as? Double) > r2 + 0.01)
    let outcome = try BuiltTool.run([
      "explain", scratch / "run", "--method", "permutation", "--data", table, "--repeats", "1", "--json",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    #expect(report["score"] as? String == "r2" && report["value"] as? Double == r2)
  }
}
