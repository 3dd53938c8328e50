import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Options that would change nothing are refused, and what a command leaves out is said.
@Suite struct UnheededOptionTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    let rows = (0..<40).map { "\($0),\($0 % 7),\($0 % 2 == 0 ? "even" : "odd")" }
    try scratch.write("a,b,parity\n" + rows.joined(separator: "\n") + "\n", to: "table.csv")
  }

  private func run(_ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  private func train(_ output: String, _ options: [String] = []) throws -> BuiltTool.Outcome {
    try run(
      [
        "train", "mlp", "--data", "table.csv", "--target", "parity", "--set", "hidden=[4]", "--epochs", "1",
        "--output", output,
      ] + options)
  }

  private func expectUsage(
    _ outcome: BuiltTool.Outcome, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == 64, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    (["--interactions-only"], "--interactions-only needs --degree"),
    (["--task", "classification", "--no-standardize-target"], "--no-standardize-target is for a target of numbers"),
    (["--unfreeze", "fc1@2"], "--unfreeze fc1@2 is never reached"),
    (["--group", "parity"], "--group parity is the column to predict"),
    (["--save-every", "2"], "--save-every 2 is never reached"),
    (["--lr", "0.01", "--min-lr", "0.1"], "--minimum-learning-rate 0.1 is above the learning rate, 0.01"),
    (["--schedule", "step", "--step-size", "1"], "--step-size 1 is never reached"),
    (["--schedule", "multi-step", "--milestones", "4,5"], "--milestones 4 is never reached"),
    (["--time-series", "--stratify"], "--time-series and --stratify exclude each other"),
    (["--augment", "none", "--crop-scale", "0.3"], "--crop-scale is for random crops"),
    (["--augment", "none", "--crop-ratio", "0.5"], "--crop-ratio is for random crops"),
    (["--augment", "flip,fill=wrap"], "--augment: fill=wrap is for what rotation, shift, shear or zoom uncover"),
    (["--augment", "rotation=0,fill-value=9"], "--augment: fill-value is for what rotation"),
    (["--augment", "rotation=20,fill=nearest,fill-value=200"], "--augment: fill-value is for fill=constant"),
  ]) func refusedInTraining(_ options: [String], _ text: String) throws {
    expectUsage(try train("run", options), text)
    #expect(!scratch.names.contains("run"))
  }

  @Test func refusedForACheckpoint() throws {
    let trained = try train("run", ["--no-standardize-target"])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("--no-standardize-target changes nothing: target parity is a class"))
    for command in ["predict", "evaluate"] {
      func used(_ options: String...) throws -> BuiltTool.Outcome {
        try run([command, "run", "--data", "table.csv"] + options)
      }
      expectUsage(try used("--classes", "x,y"), "--classes: ")
      expectUsage(try used("--ensemble", "vote"), "--ensemble vote needs several checkpoints")
      expectUsage(try used("--weights-key", "state_dict"), "--weights-key is for PyTorch files")
      expectUsage(try used("--kernel-order", "th"), "--kernel-order is for Keras files")
      expectUsage(try used("--flip-kernels"), "--flip-kernels is for Keras files")
    }
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    expectUsage(
      try run(["features", "toy.h5", "--data", "pets", "--output", "f.h5", "--reconstructions"]),
      "--reconstructions is for networks that learned without labels")
    expectUsage(
      try run(["finetune", "--from", "toy.h5", "--data", "pets", "--weights-key", "x", "--output", "r"]),
      "--weights-key is for PyTorch files")
    expectUsage(
      try run(["show", "toy.h5", "--graph", "--limit", "3", "--output", "g.svg"]), "--limit is for images")
    expectUsage(
      try run(["show", "pets", "--classes", "x,y", "--output", "g.svg"]), "--classes is for a checkpoint")
  }

  @Test func unheededInFineTuning() throws {
    let numbers = try run([
      "train", "mlp", "--data", "table.csv", "--target", "b", "--set", "hidden=[4]", "--epochs", "1", "--output", "run",
    ])
    #expect(numbers.status == 0, "\(numbers.errors)")
    func tune(_ options: String...) throws -> BuiltTool.Outcome {
      try? FileManager.default.removeItem(atPath: scratch / "tuned")
      return try run(
        ["finetune", "--from", "run", "--data", "table.csv", "--target", "b", "--epochs", "1", "--output", "tuned"]
          + options)
    }
    let kept = try tune("--no-standardize-target")
    #expect(kept.status == 0 && kept.errors.contains("--no-standardize-target changes nothing: "), "\(kept.errors)")
    #expect(try !tune("--standardize-target").errors.contains("changes nothing"))
    // Also the usual way is another one than the checkpoint's, perhaps.
    expectFault(try tune("--scaling", "standard"), "keeps the preparation of the columns")
    #expect(try tune("--new-head").errors.contains("target b is standardized"))
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    func tuneImages(_ options: String...) throws -> BuiltTool.Outcome {
      try run(["finetune", "--from", "toy.h5", "--data", "pets", "--epochs", "1", "--output", "images"] + options)
    }
    expectUsage(try tuneImages("--feature-cache"), "--feature-cache keeps what frozen layers compute")
    expectUsage(
      try tuneImages("--feature-cache", "--freeze", "backbone", "--augment", "standard"),
      "--feature-cache is for images that do not change")
    // Crops are asked for, where nothing changes by default.
    let cropped = try tuneImages("--freeze", "backbone", "--crop-scale", "0.5")
    #expect(
      cropped.status == 0 && cropped.errors.contains("toy.h5 predicts these classes already"), "\(cropped.errors)")
    let options = try JSONDecoder().decode(
      TrainingOptions.self, from: Data(contentsOf: URL(fileURLWithPath: scratch / "images/options.json")))
    #expect(options.images.augmentation == Augmentation(scale: 0.5...1, ratio: 1...1, flipProbability: 0))
  }

  @Test func slicesThatCannotBeAreRefusedBeforeTheEvaluation() throws {
    let table = try scratch.write("stars,review\n3,a cat\n", to: "reviews.csv")
    let outcome = try run([
      "evaluate", Goldens.url("texts/sentiment.keras", of: "KerasTests").path, "--data", table, "--target", "stars",
      "--slice", "stars",
    ])
    expectUsage(outcome, "--slice stars is for networks with one answer for each row")
    #expect(outcome.output == "")
  }

  // MARK: What is left out

  @Test func rowsThatCannotBeScoredAreCounted() throws {
    #expect(try train("run").status == 0)
    try scratch.write("a,b,parity\n1,2,odd\n2,3,\n3,4,odd\n4,5,NA\n", to: "new.csv")
    let lines = try run(["evaluate", "run", "--data", "new.csv"])
    #expect(lines.output.contains("2 rows, accuracy") && lines.output.contains(", 2 skipped"), "\(lines.output)")
    #expect(lines.errors.contains("new.csv: 2 rows left out"), "\(lines.errors)")
    let skipped = try #require(
      try run(["evaluate", "run", "--data", "new.csv", "--json"]).json()["skipped"] as? [[String: Any]])
    #expect(skipped.map { $0["row"] as? Int } == [3, 5])
    #expect(skipped.first?["error"] as? String == "no value in column parity")
    // Together with another network, too.
    #expect(try train("other", ["--seed", "1"]).status == 0)
    let joint = try run(["evaluate", "run", "other", "--data", "new.csv", "--json"])
    #expect(try (joint.json()["skipped"] as? [[String: Any]])?.count == 2, "\(joint.errors)")
  }

  @Test func rowsWithoutAFeatureAreCounted() throws {
    let trained = try run([
      "train", "mlp", "--data", "table.csv", "--target", "b", "--exclude", "parity", "--missing", "drop", "--set",
      "hidden=[4]", "--epochs", "1", "--output", "run",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    try scratch.write("a,b,parity\n1,2,odd\n,3,even\n3,4,odd\n", to: "new.csv")
    let scored = try run(["evaluate", "run", "--data", "new.csv", "--json"])
    let skipped = try #require(try scored.json()["skipped"] as? [[String: Any]], "\(scored.errors)")
    #expect(skipped.count == 1 && skipped[0]["error"] as? String == "no value in column a")
  }

  @Test func imagesThatCannotBeReadCount() throws {
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    try scratch.write("not an image", to: "pets/train/cat/0.jpg")
    for arguments in [
      ["describe", "pets"], ["show", "pets", "--count", "20", "--output", "a.svg"],
      ["show", "toy.h5", "--embed", "--data", "pets", "--part", "train", "--output", "b.svg"],
      ["advise", "--from", "toy.h5", "--data", "pets"],
    ] {
      let strict = try run(arguments + ["--max-skipped", "0"])
      #expect(strict.status == 1 && strict.errors.contains("--max-skipped allows 0 %"), "\(strict.errors)")
      #expect(!scratch.names.contains("a.svg") && !scratch.names.contains("b.svg"))
    }
    let shown = try run(["show", "pets", "--count", "20", "--output", "a.svg"])
    #expect(shown.status == 0 && shown.output.contains(", 1 skipped"), "\(shown.output)")
    // The description is there, and the exit code says that too many are damaged.
    let described = try run(["describe", "pets", "--max-skipped", "0"])
    #expect(described.output.contains("cannot be read"), "\(described.output)")
  }

  // MARK: Predictions of several checkpoints

  @Test func predictionsOfSeveralCheckpointsAreWritten() throws {
    #expect(try train("run").status == 0)
    #expect(try train("other", ["--seed", "1"]).status == 0)
    try scratch.write("a\tb\n1\t2\n2\t3\n", to: "new.tsv")
    try scratch.write("{\"a\":1,\"b\":2}\n{\"a\":2,\"b\":3}\n", to: "new.jsonl")
    for (data, output) in [("new.tsv", "e.csv"), ("new.jsonl", "e.jsonl")] {
      let predicted = try run(["predict", "run", "other", data, "--output", output])
      #expect(predicted.status == 0 && predicted.output.contains("\(output): 2 predictions"), "\(predicted.errors)")
      let lines = try String(contentsOfFile: scratch / output, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == (output == "e.csv" ? 3 : 2))
    }
    let both = try run(["predict", "run", "other", "new.tsv", "--output", "e.sqlite", "--json"])
    #expect(try (both.json()["predictions"] as? [Any])?.count == 2 && both.json()["ensemble"] != nil)
    #expect(scratch.names.contains("e.sqlite"))
  }

  // MARK: Messages

  @Test func aRunWithoutACheckpointIsCalledThat() throws {
    let failed = try train("run", ["--folds", "3", "--monitor", "r2"])
    #expect(failed.status == 1 && !scratch.names.contains("run"), "\(failed.errors)")
    try FileManager.default.createDirectory(atPath: scratch / "killed", withIntermediateDirectories: false)
    try scratch.write("{}", to: "killed/options.json")
    expectFault(
      try run(["predict", "killed", "table.csv"]), "killed: holds no checkpoint: training did not get that far")
  }

  @Test func aHeaderOfNumbersIsRefused() throws {
    try scratch.write("1.5,2.5,0\n2,3,1\n4,5,0\n", to: "bare.csv")
    expectFault(
      try run(["train", "mlp", "--data", "bare.csv", "--target", "0", "--output", "run"]),
      "bare.csv: the first row holds numbers alone")
  }

  @Test func numbersThatNoTypeHoldsAreNotSentInCircles() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1e300, 1] as [Double], shape: [2]), at: "weight")
    try checkpoint.write(to: scratch / "large.h5")
    let outcome = try run(["convert", "large.h5", "out.safetensors", "--dtype", "f32"])
    expectFault(outcome, "f32 cannot hold numbers of 'weight' (1)", "leave --dtype out")
    #expect(!outcome.errors.contains("bf16"))
  }
}
