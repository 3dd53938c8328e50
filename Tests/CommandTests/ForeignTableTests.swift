import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Keras models that take rows and sequences of numbers, given tables.
@Suite struct ForeignTableTests {
  private let scratch: ScratchFolder
  private let outputs: Checkpoint

  init() throws {
    scratch = try ScratchFolder()
    outputs = try Checkpoint.read(from: Self.golden("outputs.safetensors"))
  }

  private static func golden(_ name: String) -> String { Goldens.url("keras/\(name)", of: "KerasTests").path }

  private func numbers(_ name: String) throws -> [Float] {
    let array = try #require(outputs[name])
    return try #require(array.floats())
  }

  /// Rows of Keras's input as a table, with further columns in front.
  private func table(_ name: String, width: Int, further: [(name: String, values: [String])] = []) throws -> String {
    let values = try numbers(name)
    var lines = [further.map(\.name) + (0..<width).map { "c\($0)" }]
    for row in 0..<values.count / width {
      let words = further.map { $0.values[row % $0.values.count] }
      lines.append(words + values[row * width..<(row + 1) * width].map { "\($0)" })
    }
    try Data(lines.map { $0.joined(separator: ",") }.joined(separator: "\n").utf8)
      .write(to: URL(fileURLWithPath: scratch / "t.csv"))
    return scratch / "t.csv"
  }

  @Test func rowsAreGivenAsTheyAre() throws {
    let data = try table("dense/x", width: 5, further: [("word", ["a", "b"]), ("kind", ["2", "0"])])
    let known = try numbers("dense/y")
    let outcome = try BuiltTool.run([
      "predict", Self.golden("dense.keras"), data, "--json", "--target", "kind", "--exclude", "word", "--classes",
      "w,x,y,z",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("is given c0, c1, c2, c3, c4 as they are"))
    let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    for (row, prediction) in predictions.enumerated() {
      let classes = try #require(prediction["classes"] as? [[String: Any]])
      for (place, name) in ["w", "x", "y", "z"].enumerated() {
        let found = classes.first { $0["name"] as? String == name }?["probability"] as? Double
        #expect(abs((found ?? .nan) - Double(known[row * 4 + place])) < 1e-5)
      }
    }
    // Scored on the classes that the numbers of the outputs are.
    let scored = try BuiltTool.run([
      "evaluate", Self.golden("dense.keras"), "--data", data, "--target", "kind", "--exclude", "word", "--json",
    ])
    #expect(scored.status == 0, "\(scored.errors)")
    let right = (0..<predictions.count).filter { row in
      let rowOutputs = known[row * 4..<row * 4 + 4]
      return rowOutputs.firstIndex(of: rowOutputs.max() ?? 0).map { $0 - row * 4 } == (row % 2 == 0 ? 2 : 0)
    }
    #expect(try scored.json()["accuracy"] as? Double == Double(right.count) / Double(predictions.count))
  }

  /// Three sequences of 16 rows in one table: the last is what follows.
  @Test func sequencesEndWithTheTable() throws {
    let outcome = try BuiltTool.run([
      "predict", Self.golden("conv1d.h5"), try table("conv1d/x", width: 3), "--json",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let prediction = try #require((try outcome.json()["predictions"] as? [[String: Any]])?.first)
    let known = Double(try numbers("conv1d/y")[2])
    let second = (prediction["classes"] as? [[String: Any]])?.first { $0["name"] as? String == "1" }
    let found = prediction["value"] as? Double ?? second?["probability"] as? Double ?? .nan
    #expect(abs(found - known) < 1e-5, "\(outcome.output)")
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let data = try table("dense/x", width: 5, further: [("kind", ["2"])])
    let model = Self.golden("dense.keras")
    expectFault(try BuiltTool.run(["predict", model, data]), "6 columns", "rows of 5", "--target", "--exclude")
    expectFault(try BuiltTool.run(["evaluate", model, "--data", data, "--exclude", "kind"]), "--target COLUMN")
    expectFault(
      try BuiltTool.run(["predict", model, data, "--target", "kind", "--task", "regression"]), "are probabilities")
    expectFault(
      try BuiltTool.run(["predict", model, data, "--target", "kin"]), "kin")
    try ToyFiles.checkpoint().write(to: scratch / "images.h5")
    expectFault(
      try BuiltTool.run(["predict", scratch / "images.h5", data, "--target", "kind"]), "--target is for tables")
  }

  @Test func aKerasModelIsFineTunedOnATable() throws {
    let rows = (0..<200).map { "\(Double($0 % 13)),\(Double($0 % 7)),1,2,3,\(1000 + 50 * ($0 % 13))" }
    try Data((["a,b,c,d,e,price"] + rows).joined(separator: "\n").utf8)
      .write(to: URL(fileURLWithPath: scratch / "t.csv"))
    let outcome = try BuiltTool.run([
      "finetune", "--from", Self.golden("dense.keras"), "--data", scratch / "t.csv", "--target", "price", "--output",
      scratch / "run", "--epochs", "2", "--exclude", "c,d,e", "--json",
    ])
    expectFault(outcome, "rows of 5")
    let fitting = try BuiltTool.run([
      "finetune", "--from", Self.golden("dense.keras"), "--data", scratch / "t.csv", "--target", "price", "--output",
      scratch / "run", "--epochs", "2", "--json",
    ])
    #expect(fitting.status == 0, "\(fitting.errors)")
    let predicted = try BuiltTool.run(["predict", scratch / "run", scratch / "t.csv", "--json"])
    #expect(try (predicted.json()["predictions"] as? [[String: Any]])?.count == 200)
  }
}
