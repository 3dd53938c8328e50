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

  // MARK: Numbers at positions

  /// Two numbers of each of the steps of three numbers: the first, and ten times the second.
  private func steps(_ count: Int, asRows: Bool = false) throws -> String {
    var checkpoint = Checkpoint()
    checkpoint.metadata.architecture = "keras-chain"
    let dense =
      #"{"activation":"linear","name":"dense","operation":{"dense":{"bias":true,"units":2}},"place":"dense"}"#
    let reshape =
      #"{"activation":"linear","name":"reshape","operation":{"reshape":{"shape":[\#(count),3]}},"place":"reshape"},"#
    checkpoint.metadata.configuration = try JSONValue(
      parsing: asRows
        ? #"{"input":[\#(3 * count)],"layers":[\#(reshape)\#(dense)]}"#
        : #"{"input":[3,\#(count)],"layers":[\#(dense)]}"#)
    checkpoint.set(StoredArray([1, 0, 0, 0, 10, 0] as [Float], shape: [2, 3]), at: "dense.weight")
    checkpoint.set(StoredArray([0, 0] as [Float], shape: [2]), at: "dense.bias")
    let path = scratch / "steps\(count)\(asRows).h5"
    try checkpoint.write(to: path)
    return path
  }

  private func expectNumbers(_ arguments: [String], _ values: [Double], _ shape: [Int]) throws {
    let outcome = try BuiltTool.run(["predict"] + arguments + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let prediction = try #require((try outcome.json()["predictions"] as? [[String: Any]])?.first)
    #expect(prediction["values"] as? [Double] == values, "\(arguments)")
    #expect(prediction["shape"] as? [Int] == shape, "\(arguments)")
  }

  @Test func numbersAtPositionsAreInTheOrderOfKeras() throws {
    let sequence = try scratch.write("a,b,c\n1,2,3\n4,5,6\n7,8,9\n10,11,12\n", to: "sequence.csv")
    let rows = try scratch.write("a,b,c,d,e,f\n1,2,3,4,5,6\n", to: "rows.csv")
    let four = try steps(4)
    try expectNumbers([four, sequence], [1, 20, 4, 50, 7, 80, 10, 110], [4, 2])
    try expectNumbers([four, "--input", "input=\(sequence)"], [1, 20, 4, 50, 7, 80, 10, 110], [4, 2])
    let two = try steps(2, asRows: true)
    try expectNumbers([two, rows], [1, 20, 4, 50], [2, 2])
    try expectNumbers([two, two, rows], [1, 20, 4, 50], [2, 2])
    let shown = try BuiltTool.run(["predict", four, sequence])
    #expect(shown.output.contains("1.0, 20.0, 4.0, 50.0, 7.0, 80.0, 10.0, 110.0"), "\(shown.output)")
    let written = try BuiltTool.run(["predict", four, sequence, "--output", scratch / "p.csv"])
    #expect(written.status == 0, "\(written.errors)")
    let table = try String(contentsOfFile: scratch / "p.csv", encoding: .utf8)
    #expect(table.contains("values_1,values_2,"), "\(table)")
    #expect(table.contains(",1.0,20.0,4.0,50.0,7.0,80.0,10.0,110.0,4,2\n"), "\(table)")
  }

  /// An image is a sequence of its lines here.
  @Test func featuresOfSequencesAreMeansOverPositions() throws {
    var checkpoint = try Checkpoint.read(from: steps(4))
    checkpoint.metadata.preprocessing = try JSONValue(
      parsing:
        #"{"channels":"grey","interpolation":"bilinear","mean":[0],"resize":{"height":4,"kind":"exact","width":3},"scale":0.25,"standardDeviation":[1]}"#
    )
    try checkpoint.write(to: scratch / "lines.h5")
    try DrawnPhotographs.copy(count: 20, imageSize: 40, to: scratch / "images")
    let outcome = try BuiltTool.run([
      "features", scratch / "lines.h5", "--data", scratch / "images", "--output", scratch / "f.h5", "--json",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let images = try #require(try outcome.json()["images"] as? Int)
    let features = try #require(try Checkpoint.read(from: scratch / "f.h5")["features"])
    #expect(images > 0 && features.shape == [images, 3])
  }

  /// Networks whose numbers have other shapes have no mean.
  @Test func ensemblesAreOfNumbersOfOneShape() throws {
    let rows = try scratch.write("a,b,c,d,e,f\n1,2,3,4,5,6\n", to: "rows.csv")
    var one = Checkpoint()
    one.metadata.architecture = "keras-chain"
    one.metadata.configuration = try JSONValue(
      parsing:
        #"{"input":[6],"layers":[{"activation":"linear","name":"d","operation":{"dense":{"bias":false,"units":1}},"place":"d"}]}"#
    )
    one.set(StoredArray([1, 1, 1, 1, 1, 1] as [Float], shape: [1, 6]), at: "d.weight")
    try one.write(to: scratch / "one.h5")
    let two = try steps(2, asRows: true)
    expectFault(
      try BuiltTool.run(["predict", scratch / "one.h5", two, rows]), "2×2 numbers", "1 number;", "same target")
    expectFault(try BuiltTool.run(["predict", two, scratch / "one.h5", rows]), "1 number, and", "2×2 numbers;")
  }
}
