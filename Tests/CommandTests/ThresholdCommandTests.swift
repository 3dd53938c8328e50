import Aviary
import Foundation
import Testing

/// One checkpoint predicts the same classes in every command, also where it has thresholds that make them others than the
/// most probable ones.
@Suite struct ThresholdCommandTests {
  private let scratch: ScratchFolder
  /// Of the first of two classes 0.7, of the second 0.3.
  private static let thresholds = #"{"criterion":"balanced-accuracy","plainScore":0.5,"score":0.6,"values":[0.7,0.3]}"#

  /// Of anything, the networks say about 60 % of the first class and 40 % of the second: `a usual` and `cat` are the most
  /// probable classes, `rare` and `dog` those that the thresholds predict.
  init() throws {
    scratch = try ScratchFolder()
    let rows = (0..<10).map { "\($0),\($0 * 3 % 7),\($0 < 8 ? "a usual" : "rare")" }
    try scratch.write("x,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
    let preparation = try TablePreprocessing(
      fitting: Table(csv: scratch / "rows.csv"), TableSettings(target: "kind"))
    let model = try Registry.zoo.architecture(named: "mlp").build(fitting: [preparation.featureCount])
      .replacingHead(outputs: 2, seed: 1)
    model.initialize(seed: 1)
    var table = try Self.leaning(model.checkpoint(architecture: "mlp"), head: model.headPath)
    table.metadata.preprocessing = try InputPreparation.table(preparation).json()
    table.metadata.classes = preparation.classes
    try table.write(to: scratch / "plain.h5")
    table.metadata.extra[ClassThresholds.key] = Self.thresholds
    try table.write(to: scratch / "rows.h5")
    var other = table
    other.metadata.extra[ClassThresholds.key] = Self.thresholds.replacingOccurrences(of: "0.7,0.3", with: "0.65,0.35")
    try other.write(to: scratch / "other.h5")

    var images = try Self.leaning(ToyFiles.checkpoint(), head: "fc")
    images.metadata.extra[ClassThresholds.key] = Self.thresholds
    try images.write(to: scratch / "pets.h5")
    try ToyFiles.images(at: scratch / "pets")
    // Two cats and one dog are left for the test.
    let dogs = scratch / "pets/test/dog"
    let dog = try #require(try FileManager.default.contentsOfDirectory(atPath: dogs).min())
    try FileManager.default.removeItem(atPath: dogs + "/" + dog)
  }

  private static func leaning(_ checkpoint: Checkpoint, head: String) throws -> Checkpoint {
    var result = checkpoint
    for entry in checkpoint.entries where entry.path.hasPrefix(head + ".") {
      let values = try #require(entry.array.floats())
      let own: [Float] = entry.path.hasSuffix("bias") ? [0.405, 0] : values.map { $0 * 1e-4 }
      result.set(StoredArray(own, shape: entry.array.shape), at: entry.path)
    }
    return result
  }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  /// The first class of each prediction.
  private func predicted(_ arguments: String...) throws -> [String] {
    let outcome = try BuiltTool.run(["predict"] + arguments + ["--json"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let predictions = try #require(try outcome.json()["predictions"] as? [[String: Any]])
    return predictions.compactMap { ($0["classes"] as? [[String: Any]])?.first?["name"] as? String }
  }

  private func photograph() throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch / "pets/test/cat")
    return "pets/test/cat/" + (try #require(names.min()))
  }

  private static func near(_ value: Any?, _ expected: Double) -> Bool {
    (value as? Double).map { abs($0 - expected) < 1e-9 } ?? false
  }

  // MARK: Tables

  @Test func rowsHaveOneClassInEveryCommand() throws {
    let rare = Array(repeating: "rare", count: 10)
    let usual = Array(repeating: "a usual", count: 10)
    #expect(try predicted("plain.h5", "rows.csv") == usual && predicted("rows.h5", "rows.csv") == rare)
    // Of several checkpoints thresholds that all have hold, whatever the probabilities are divided by.
    #expect(try predicted("rows.h5", "rows.h5", "rows.csv") == rare)
    #expect(try predicted("rows.h5", "rows.h5", "rows.csv", "--ensemble", "logits", "--temperature", "3") == rare)
    #expect(try predicted("rows.h5", "plain.h5", "rows.csv", "--weights", "1,0") == rare)
    // Others do not, unless each votes by its own.
    #expect(try predicted("rows.h5", "plain.h5", "rows.csv") == usual)
    #expect(try predicted("rows.h5", "other.h5", "rows.csv") == usual)
    #expect(try predicted("rows.h5", "other.h5", "rows.csv", "--ensemble", "vote") == rare)
    let said = try run("predict", "rows.h5", "plain.h5", "rows.csv")
    #expect(
      said.errors.contains("rows.h5 has class thresholds, and plain.h5 has none: together"), "\(said.errors)")
    #expect(try run("predict", "rows.h5", "other.h5", "rows.csv").errors.contains("different class thresholds"))

    let importance = try run(
      "explain", "rows.h5", "--method", "permutation", "--data", "rows.csv", "--repeats", "1", "--json")
    #expect(importance.status == 0 && importance.errors.contains("by the thresholds"), "\(importance.errors)")
    #expect(try Self.near(importance.json()["value"], 0.2))
  }

  @Test func membersScoreWhatTheyScoreAlone() throws {
    func accuracy(_ checkpoints: String...) throws -> (joint: Any?, members: [Double]) {
      let outcome = try BuiltTool.run(
        ["evaluate"] + checkpoints + ["--data", "rows.csv", "--json"], in: scratch.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let report = try outcome.json()
      let members = (report["ensemble"] as? [String: Any])?["members"] as? [[String: Any]]
      return (report["accuracy"], members?.compactMap { $0["accuracy"] as? Double } ?? [])
    }
    #expect(try Self.near(accuracy("rows.h5").joint, 0.2) && Self.near(accuracy("plain.h5").joint, 0.8))
    let same = try accuracy("rows.h5", "rows.h5")
    #expect(Self.near(same.joint, 0.2) && same.members == [0.2, 0.2])
    let mixed = try accuracy("rows.h5", "plain.h5")
    #expect(Self.near(mixed.joint, 0.8) && mixed.members == [0.2, 0.8])

    let doubts = try run("evaluate", "rows.h5", "--data", "rows.csv", "--label-problems", "doubts.csv")
    #expect(doubts.status == 0, "\(doubts.errors)")
    let lines = try String(contentsOfFile: scratch / "doubts.csv", encoding: .utf8).split(separator: "\n").dropFirst()
    #expect(lines.count == 10 && lines.allSatisfy { $0.split(separator: ",")[2] == "rare" })
  }

  // MARK: Images

  @Test func photographsHaveOneClassInEveryCommand() throws {
    let photo = try photograph()
    #expect(try predicted("pets.h5", photo) == ["dog"] && predicted("pets.h5", photo, "--tta", "flip") == ["dog"])
    #expect(try predicted("pets.h5", "pets.h5", photo) == ["dog"])
    let explained = try run("explain", "pets.h5", photo, "--output", "why", "--json")
    #expect(explained.status == 0 && explained.errors.contains("by the thresholds"), "\(explained.errors)")
    let explanation = try #require((try explained.json()["explanations"] as? [[String: Any]])?.first)
    #expect(explanation["class"] as? String == "dog")

    let third: Double = 1 / 3
    for options in [["pets.h5"], ["pets.h5", "--tta", "flip"], ["pets.h5", "pets.h5"]] {
      let evaluated = try BuiltTool.run(["evaluate"] + options + ["--data", "pets", "--json"], in: scratch.path)
      #expect(evaluated.status == 0 && evaluated.errors.contains("by the thresholds"), "\(evaluated.errors)")
      #expect(try Self.near(evaluated.json()["accuracy"], third), "\(options)")
    }
    let shown = try run("show", "pets", "--predict", "pets.h5", "--part", "all", "--output", "sheet.svg", "--json")
    #expect(shown.status == 0, "\(shown.errors)")
    let mistakes = try #require(try shown.json()["mistakes"] as? [[String: Any]])
    #expect(!mistakes.isEmpty && mistakes.allSatisfy { $0["predicted"] as? String == "dog" })
  }

  @Test func integersKeepTheThresholds() throws {
    let outcome = try run(
      "quantize", "pets.h5", "--data", "pets", "--output", "q.h5", "--calibration", "8", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let heldOut = try #require(try outcome.json()["held_out"] as? [String: Any])
    #expect(Self.near(heldOut["accuracy_float"], 1 / 3) && Self.near(heldOut["accuracy_int8"], 1 / 3))
    #expect(try predicted("q.h5", photograph()) == ["dog"])
  }

  // MARK: Other files

  @Test func averagesKeepThemOrSaySo() throws {
    let kept = try run("average", "rows.h5", "rows.h5", "--output", "kept.h5")
    #expect(kept.status == 0 && !kept.errors.contains("thresholds"), "\(kept.errors)")
    #expect(try predicted("kept.h5", "rows.csv").first == "rare")
    for other in ["plain.h5", "other.h5"] {
      let lost = try run("average", other, "rows.h5", "--output", "lost.h5", "--force")
      #expect(lost.status == 0 && lost.errors.contains("note: not all checkpoints have the class thresholds of"))
      #expect(try predicted("lost.h5", "rows.csv").first == "a usual")
    }
  }

  @Test func conversionsKeepThemOrSaySo() throws {
    for name in ["kept.safetensors", "kept.pth"] {
      let outcome = try run("convert", "rows.h5", name)
      #expect(outcome.status == 0 && !outcome.output.contains("thresholds"), "\(outcome.errors)")
      #expect(try predicted(name, "rows.csv").first == "rare")
    }
    let arrays = try run("convert", "rows.h5", "lost.npz")
    #expect(arrays.status == 0 && arrays.output.contains("the class thresholds are not applied by what reads lost.npz"))
    #if ONNX
      let outcome = try run("convert", "rows.h5", "lost.onnx")
      #expect(
        outcome.status == 0 && outcome.errors.contains("the class thresholds are not applied by what reads lost.onnx"),
        "\(outcome.errors)")
      // A program that applies them finds them in the metadata.
      let file = try Data(contentsOf: URL(fileURLWithPath: scratch / "lost.onnx"))
      #expect(file.range(of: Data(Self.thresholds.utf8)) != nil)
    #endif
  }

  // MARK: Folds and members

  private func train(_ output: String, _ options: String...) throws -> BuiltTool.Outcome {
    // One class in twenty, which overlaps with the other.
    let rows = (0..<200).map { row in
      let isRare = row % 20 == 0
      return "\(row % 7),\((row * 5) % 11 + (isRare ? 4 : 0)),\(isRare ? "rare" : "usual")"
    }
    try scratch.write("a,b,kind\n" + rows.joined(separator: "\n") + "\n", to: "many.csv")
    return try BuiltTool.run(
      [
        "train", "mlp", "--data", "many.csv", "--target", "kind", "--set", "hidden=[8]", "--set", "dropout=[0]",
        "--epochs", "4", "--learning-rate", "0.02", "--thresholds", "balanced-accuracy", "--output", output, "--json",
      ] + options, in: scratch.path)
  }

  @Test func heldOutPredictionsAreThoseOfTheFolds() throws {
    let trained = try train("folds", "--folds", "3")
    #expect(trained.status == 0, "\(trained.errors)")
    let pooled = try #require(try trained.json()["pooled"] as? [String: Any])
    let lines = try String(contentsOfFile: scratch / "folds/out-of-fold.csv", encoding: .utf8).split(separator: "\n")
    let decisions = try (1...3).map { fold in
      try Checkpoint.read(from: scratch / "folds/fold-\(fold)/best.h5").metadata.decision
    }
    var (right, moved) = (0, 0)
    for line in lines.dropFirst() {
      let fields = line.split(separator: ",").map(String.init)
      let shares = fields[4...].compactMap(Float.init)
      let fold = try #require(Int(fields[1]))
      #expect(fields[3] == ["rare", "usual"][decisions[fold - 1].predicted(shares)], "\(line)")
      if fields[2] == fields[3] { right += 1 }
      if fields[3] != ["rare", "usual"][ClassDecision.mostProbable.predicted(shares)] { moved += 1 }
    }
    #expect(lines.count == 201 && moved > 0)
    #expect(Self.near(pooled["accuracy"], Double(right) / 200))
    // Together the folds score what they score one by one.
    let runs = try #require(try trained.json()["runs"] as? [[String: Any]])
    let counts = (1...3).map { fold in lines.count { $0.split(separator: ",")[1] == "\(fold)" } }
    let correct = zip(runs, counts).reduce(0) { $0 + ($1.0["accuracy"] as? Double ?? 0) * Double($1.1) }
    #expect(abs(correct - Double(right)) < 1e-6)
    let scored = try run("evaluate", "folds/out-of-fold.csv", "--json")
    #expect(try Self.near(scored.json()["accuracy"], Double(right) / 200))
  }

  @Test func membersWithThresholdsOfTheirOwnAreSaid() throws {
    let trained = try train("bags", "--bootstrap", "2")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("each member has class thresholds of its own"), "\(trained.errors)")
  }
}
