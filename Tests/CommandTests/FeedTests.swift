import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Keras models with several inputs, with texts, and with several outputs, from the command line.
@Suite struct FeedTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private static func golden(_ name: String) -> String { Goldens.url(name, of: "KerasTests").path }

  /// Keras's own outputs.
  private func known(_ name: String, _ place: Int = 0) throws -> [Double] {
    let text = try Data(contentsOf: URL(fileURLWithPath: Self.golden("texts/cases.json")))
    let outputs = try #require(try JSONValue(parsing: Array(text))[name]?["outputs"]?.elements)
    return (outputs[place]["values"]?.elements ?? []).compactMap(\.double)
  }

  private func predictions(_ arguments: [String]) throws -> [[String: Any]] {
    let outcome = try BuiltTool.run(["predict"] + arguments + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(try outcome.json()["predictions"] as? [[String: Any]])
  }

  private func probability(_ name: String, _ answer: Any?) -> Double {
    let classes = (answer as? [String: Any])?["classes"] as? [[String: Any]]
    return classes?.first { $0["name"] as? String == name }?["probability"] as? Double ?? .nan
  }

  /// The texts of the golden case, but for those that lines or fields cannot be.
  private let texts = ["The cat sat on the mat.", "a DOG, a dog & the CAT!", "unknown words only?"]

  @Test func textsAreLinesOrFields() throws {
    let known = try known("sentiment")
    let rows = [0, 1, 4]
    let file = try scratch.write(texts.joined(separator: "\n\n") + "\n", to: "reviews.txt")
    let table = try scratch.write(
      "stars,review\n" + texts.map { "3,\"\($0)\"" }.joined(separator: "\n") + "\n", to: "reviews.csv")
    let model = Self.golden("texts/sentiment.keras")
    for arguments in [[file], [table], ["--input", "review=\(table):review"], ["--input", "review=\(file)"]] {
      let found = try predictions([model] + arguments + ["--classes", "bad,fair,good"])
      #expect(found.count == 3)
      for (row, prediction) in zip(rows, found) {
        for (place, name) in ["bad", "fair", "good"].enumerated() {
          #expect(abs(probability(name, prediction) - known[row * 3 + place]) < 1e-5, "\(arguments)")
        }
      }
    }
    let found = try predictions([model, file])
    #expect(found.map { $0["line"] as? Int } == [1, 3, 5] && found[0]["text"] as? String == file)
    let scored = try BuiltTool.run([
      "evaluate", model, "--data", table, "--target", "stars", "--classes", "1,2,3", "--json",
    ])
    #expect(scored.status == 0, "\(scored.errors)")
    let right = rows.filter { row in
      let own = known[row * 3..<row * 3 + 3]
      return own.max() == own[row * 3 + 2]
    }
    #expect(try scored.json()["accuracy"] as? Double == Double(right.count) / 3)
  }

  @Test func columnsAreNamedAsInputs() throws {
    let table = try scratch.write(
      """
      code,Age,fee,colour of coat,ignored,Kind
      7,1,0.5,white,x,cat
      8,2.5,10,red,y,dog
      -3,0,1000,grün,z,cat
      ,0,1000,grün,z,cat

      """, to: "pets.csv")
    let model = Self.golden("texts/columns.keras")
    let outcome = try BuiltTool.run(["predict", model, table, "--json"])
    #expect(outcome.status == 1 && outcome.errors.contains("row 5: a value is missing, which 'code' needs"))
    let found = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    let (kinds, days) = (try known("columns"), try known("columns", 1))
    for (row, prediction) in zip([0, 1, 3], found) {
      let outputs = try #require(prediction["outputs"] as? [String: Any])
      #expect(abs(probability("1", outputs["adopted"]) - kinds[row * 2 + 1]) < 1e-5)
      #expect(abs(((outputs["days"] as? [String: Any])?["value"] as? Double ?? .nan) - days[row]) < 1e-4)
    }
    #expect(found.map { $0["row"] as? Int } == [2, 3, 4, 5] && found[3]["error"] != nil)
    let lines = try BuiltTool.run(["predict", model, table]).lines
    #expect(lines[0] == "\(table) row 2" && lines[1].hasPrefix("  adopted: ") && lines[2].hasPrefix("  days: "))
    let part = try scratch.write("Age,fee\n1,2\n", to: "part.csv")
    expectFault(try BuiltTool.run(["predict", model, part]), "'Kind'", "a text")
  }

  /// A pair of images, one image with many, and what does not go together.
  @Test func inputsAreNamed() throws {
    try ToyFiles.images(at: scratch / "pets")
    let folder = scratch / "pets/test/cat"
    let images = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
    let model = Self.golden("graphs/siamese.keras")
    let network = try #require(
      Registry.standard.model(
        from: try Checkpoint.read(from: model).kerasNetwork(path: "m").checkpoint, path: "m"
      ).model as? KerasNetwork)
    let names = network.configuration.inputs.compactMap(\.label)
    let preprocessing = Preprocessing.tensorflow(size: 8)
    let found = try predictions([
      model, "--input", "\(names[1])=\(folder)", "--input", "\(names[0])=\(images[1])", "--preprocessing", "tensorflow",
    ])
    #expect(found.count == images.count)
    for (image, prediction) in zip(images, found) {
      let inputs = try [images[1], image].map { preprocessing(try DecodedImage(contentsOf: $0)) }
      let expected = network.results(inputs)[0].tensor.scalars
      #expect(abs(probability("1", prediction) - Double(expected[1])) < 1e-6)
      let told = try #require(prediction["inputs"] as? [String: [String: Any]])
      #expect(told[names[0]]?["image"] as? String == images[1] && told[names[1]]?["image"] as? String == image)
    }
    let first = "\(names[0])=\(images[0])"
    func fault(_ inputs: [String], _ parts: String...) throws {
      let given = inputs.flatMap { ["--input", $0] }
      let outcome = try BuiltTool.run(["predict", model, "--preprocessing", "tensorflow"] + given)
      for part in parts { #expect(outcome.status != 0 && outcome.errors.contains(part), "\(outcome.errors)") }
    }
    try fault([first], "its input '\(names[1])' is given nothing", "an image of 8×8")
    try fault([first, first, "\(names[1])=\(images[0])"], "given twice")
    try fault([first, "\(names[1])=\(images[0])", "mask=\(images[0])"], "has no input 'mask'")
    try fault(["\(names[0])=\(folder)", "\(names[1])=\(scratch / "pets/train/cat")"], "as many, or one for all")
    try fault(["cat.png"], "--input cat.png: give NAME=FILE")
    expectFault(try BuiltTool.run(["predict", model, images[0]]), "its inputs are", names[1], "--input NAME=FILE")
    expectFault(try BuiltTool.run(["predict", model, "--input", first]), "has no preprocessing")
  }

  @Test func otherNetworksHaveNoNamedInputs() throws {
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    let outcome = try BuiltTool.run(["predict", scratch / "toy.h5", "--input", "a=b.png"])
    expectFault(outcome, "is not a Keras model")
    let text = try scratch.write("a text\n", to: "a.txt")
    #expect(try BuiltTool.run(["predict", scratch / "toy.h5", text]).status == 1)
    #expect(try BuiltTool.run(["predict", scratch / "toy.h5"]).status == 64)
  }
}
