import Aviary
import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

@Suite struct PredictTests {
  private let scratch: ScratchFolder
  private let photographs: [String]

  init() throws {
    let scratch = try ScratchFolder()
    self.scratch = scratch
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    photographs = try ["cat", "dog"].map { name in
      let folder = scratch / "pets/test/\(name)"
      return folder + "/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).min()))
    }
  }

  @Test func agreesWithTheLibrary() throws {
    let outcome = try BuiltTool.run(["predict", scratch / "toy.h5"] + photographs + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let checkpoint = try Checkpoint.read(from: scratch / "toy.h5")
    let model = try Registry.zoo.classifier(from: checkpoint, path: "toy").model
    let preprocessing = try #require(try checkpoint.preprocessing())
    let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    #expect(predictions.compactMap { $0["image"] as? String } == photographs)
    for (prediction, photograph) in zip(predictions, photographs) {
      let expected = softmax(model(preprocessing(try DecodedImage(contentsOf: photograph)))).scalars
      let classes = try #require(prediction["classes"] as? [[String: Any]])
      #expect(classes.count == 2)
      let probabilities = classes.compactMap { $0["probability"] as? Double }
      #expect(probabilities == probabilities.sorted(by: >))
      for entry in classes {
        let index = entry["name"] as? String == "cat" ? 0 : 1
        #expect(abs(Double(expected[index]) - (entry["probability"] as? Double ?? -1)) < 1e-5)
      }
    }
    let top = try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], "--top", "1"])
    #expect(top.lines.count == 2)
    #expect(top.lines[0] == photographs[0])
  }

  @Test func aTemperatureDividesLogits() throws {
    func ratio(_ more: String...) throws -> (names: [String], ratio: Double) {
      let outcome = try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], "--json"] + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
      let classes = try #require(predictions[0]["classes"] as? [[String: Any]])
      let shares = classes.compactMap { $0["probability"] as? Double }
      #expect(abs(shares.reduce(0, +) - 1) < 1e-6)
      return (classes.compactMap { $0["name"] as? String }, log(shares[0] / shares[1]))
    }
    let plain = try ratio()
    for temperature in [0.5, 1, 4] {
      let found = try ratio("--temperature", "\(temperature)")
      #expect(found.names == plain.names)
      #expect(abs(found.ratio - plain.ratio / temperature) < 1e-4 * max(1, plain.ratio / temperature))
    }
    let wrong = try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], "--temperature", "0"])
    #expect(wrong.status == 64 && wrong.errors.contains("--temperature 0.0 is out of range"), "\(wrong.errors)")
    // An ensemble's joint answer, too.
    let members = ["--member", scratch / "toy.h5", "--json"]
    let joint = try BuiltTool.run(
      ["predict", scratch / "toy.h5", photographs[0], "--temperature", "1000"] + members)
    let predictions = try #require(try joint.json()["predictions"] as? [[String: Any]])
    let classes = try #require(predictions[0]["classes"] as? [[String: Any]])
    #expect(classes.allSatisfy { abs(($0["probability"] as? Double ?? 0) - 0.5) < 0.01 })
  }

  @Test func namesAnUnreadableImageAndPredictsTheOthers() throws {
    let text = try scratch.write("no picture", to: "text.jpg")
    let outcome = try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], text, photographs[1], "--json"])
    expectFault(outcome, "text.jpg: not an image")
    let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    #expect(predictions.map { $0["classes"] != nil } == [true, false, true])
    #expect((predictions[1]["error"] as? String)?.contains("not an image") == true)
    expectFault(try BuiltTool.run(["predict", scratch / "toy.h5", scratch.path]), "text.jpg: not an image")
    expectFault(try BuiltTool.run(["predict", scratch / "toy.h5", scratch / "none.jpg"]), "none.jpg")
    expectFault(
      try BuiltTool.run(["predict", scratch / "toy.h5", scratch / "none.jpg", text]), "2 of 2 images", "none.jpg")
  }

  @Test func takesAForeignFileWithItsExplanation() throws {
    var foreign = Checkpoint()
    for entry in try ToyFiles.checkpoint().entries { foreign.set(entry.array, at: entry.path) }
    try foreign.write(to: scratch / "foreign.safetensors")
    let arguments = ["predict", scratch / "foreign.safetensors", photographs[0], "--json"]
    expectFault(try BuiltTool.run(arguments), "--architecture")
    let named = arguments + ["--architecture", "resnet-toy"]
    expectFault(try BuiltTool.run(named), "--preprocessing")
    let names = try scratch.write("Katze\nHund\n", to: "names.txt")
    let explained = try BuiltTool.run(
      named + [
        "--preprocessing", "unit", "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25", "--classes", names,
      ])
    #expect(explained.status == 0, "\(explained.errors)")
    let own = try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], "--json"])
    #expect(
      explained.output.replacing("Katze", with: "cat").replacing("Hund", with: "dog") == own.output)
  }

  @Test func takesShippedWeightsByName() throws {
    try FileManager.default.createDirectory(atPath: scratch / "w", withIntermediateDirectories: false)
    let checkpoint = try ToyFiles.checkpoint()
    try checkpoint.write(to: scratch / "w/toy.h5")
    try scratch.write(
      #"{"weights": [{"name": "pets", "file": "toy.h5", "architecture": "resnet-toy"}]}"#, to: "w/manifest.json")
    let outcome = try BuiltTool.run(["predict", "pets", photographs[0], "--weights", scratch / "w"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    expectFault(
      try BuiltTool.run(["predict", "fish", photographs[0], "--weights", scratch / "w"]), "fish",
      "the shipped weights are pets")
  }

  @Test func refusesTooSmallAndHeadless() throws {
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    expectFault(
      try BuiltTool.run(["predict", scratch / "headless.h5", photographs[0]]), "no classifier head", "finetune")
    expectFault(
      try BuiltTool.run(["predict", scratch / "toy.h5", photographs[0], "--input-size", "8x8"]), "at least 17")
    expectFault(
      try BuiltTool.run([
        "predict", scratch / "toy.h5", photographs[0], "--preprocessing", "unit", "--channels", "grey",
      ]),
      "channels")
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func neverCrashesOnAwkwardImages() throws {
    let folder = try #require(SharedData.url("images-awkward"))
    let files = (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? [])
      .map { folder.path + "/" + $0 }
      .filter { ["jpg", "jpeg", "png", "webp"].contains(URL(fileURLWithPath: $0).pathExtension.lowercased()) }.sorted()
    try #require(files.count > 100)
    let outcome = try BuiltTool.run(["predict", scratch / "toy.h5"] + files + ["--json"])
    expectFault(outcome, "of \(files.count) images could not be predicted")
    let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    #expect(predictions.count == files.count)
    for prediction in predictions {
      let fault = prediction["error"] as? String
      #expect((fault == nil) == (prediction["classes"] != nil))
      #expect(fault.map { !$0.isEmpty && !$0.contains("\n") } ?? true)
    }
  }
}

@Suite struct EvaluateAndFeaturesTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "pets")
  }

  @Test func evaluatesTheTestPart() throws {
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try scratch.write("no picture", to: "pets/test/cat/broken.jpg")
    let outcome = try BuiltTool.run(["evaluate", scratch / "toy.h5", "--data", scratch / "pets", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("part test"))
    let object = try outcome.json()
    #expect(object["images"] as? Int == 4)
    #expect(object["classes"] as? [String] == ["cat", "dog"])
    let confusion = try #require(object["confusion"] as? [[Int]])
    #expect(confusion.map { $0.reduce(0, +) } == [2, 2])
    #expect(object["accuracy"] as? Double == Double(confusion[0][0] + confusion[1][1]) / 4)
    #expect((object["loss"] as? Double ?? 0) > 0)
    #expect((object["skipped"] as? [[String: Any]])?.count == 1)
    let plain = try BuiltTool.run(["evaluate", scratch / "toy.h5", "--data", scratch / "pets/train"])
    #expect(plain.status == 0, "\(plain.errors)")
    #expect(plain.output.hasPrefix("16 images, accuracy "))
  }

  @Test func refusesWhatDoesNotFit() throws {
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    let pets = scratch / "pets"
    expectFault(try BuiltTool.run(["evaluate", scratch / "headless.h5", "--data", pets]), "no classifier head")
    try ToyFiles.checkpoint(classes: ["cat", "fish"]).write(to: scratch / "fish.h5")
    expectFault(try BuiltTool.run(["evaluate", scratch / "fish.h5", "--data", pets]), "unknown class 'dog'")
    expectFault(try BuiltTool.run(["evaluate", scratch / "fish.h5", "--data", scratch / "none"]), "none")
    try ToyFiles.checkpoint(classes: nil).write(to: scratch / "unnamed.h5")
    #expect(try BuiltTool.run(["evaluate", scratch / "unnamed.h5", "--data", pets]).status == 0)
  }

  @Test func writesFeaturesOfEveryImage() throws {
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    let outcome = try BuiltTool.run(
      ["features", scratch / "headless.h5", "--data", scratch / "pets", "--output", scratch / "f.h5"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let contents = try HDF5Reader(path: scratch / "f.h5").contents
    #expect(contents.attributes(ofGroup: "")?["classes"]?.texts == ["cat", "dog"])
    let shapes = Dictionary(uniqueKeysWithValues: contents.datasets.map { ($0.path, $0.shape) })
    #expect(shapes == ["features": [20, 64], "labels": [20], "paths": [20], "parts": [20]])
    // The first row is that of the first training image.
    let checkpoint = try Checkpoint.read(from: scratch / "f.h5")
    let values = try #require(checkpoint["features"]?.floats())
    let source = try Checkpoint.read(from: scratch / "headless.h5")
    let model = try Registry.zoo.classifier(from: source, path: "headless").model
    let first = try ImageFolder(scratch / "pets/train").entries[0]
    let preprocessing = try #require(try source.preprocessing())
    let expected = model.features(preprocessing(try DecodedImage(contentsOf: first.path)))
    let vector = (expected.rank == 4 ? expected.mean(over: [2, 3]) : expected).scalars
    #expect(vector.count == 64)
    #expect(zip(vector, values).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func refusesAnOutputThatIsNone() throws {
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    let arguments = ["features", scratch / "headless.h5", "--data", scratch / "pets", "--output"]
    expectFault(try BuiltTool.run(arguments + [scratch / "f.npz"]), "f.npz", ".h5")
    expectFault(try BuiltTool.run(arguments + [scratch / "no/f.h5"]), "no/f.h5")
    #expect(scratch.names == ["headless.h5", "pets"])
  }
}
