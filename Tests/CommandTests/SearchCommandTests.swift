import Aviary
import AviarySQLite
import AviarySearch
import Foundation
import Testing

@testable import AviaryCommands

/// `aviary search`, from the command line to the study.
@Suite struct SearchCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    let rows = (0..<60).map { "\($0 % 10),\($0 % 3),\(3 * ($0 % 10) - $0 % 3),\($0 % 10 > 4 ? "high" : "low")" }
    try scratch.write("a,b,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "numbers.csv")
  }

  private func search(_ options: String..., target: String = "kind") throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      [
        "search", "train", "mlp", "--data", "numbers.csv", "--target", target, "--set", "hidden=[4]", "--epochs", "2",
        "--study", "study.sqlite",
      ] + options, in: scratch.path)
  }

  /// The table, the command of the best trial, and what that command reaches.
  @Test func theBestTrialCanBeTrained() throws {
    let first = try search("--try", "learning-rate=1e-3..1:log", "--try", "batch-size=8,32", "--trials", "3", "--json")
    #expect(first.status == 0, "\(first.errors)")
    let lines = first.lines
    #expect(
      lines[0].split(separator: " ") == ["trial", "accuracy", "epochs", "seconds", "learning-rate", "batch-size"])
    let report = try first.json()
    let trials = try #require(report["trials"] as? [[String: Any]])
    #expect(trials.compactMap { $0["trial"] as? Int } == [1, 2, 3] && trials.allSatisfy { $0["epochs"] as? Int == 2 })
    #expect(first.errors.contains("trial 3/3"))
    // The defaults come first, and what is found is compared with them.
    #expect(trials[0]["settings"] as? [String: String] == ["learning-rate": "0.001", "batch-size": "32"])
    #expect((report["default"] as? [String: Any])?["trial"] as? Int == 1)
    #expect(lines.contains { $0.hasPrefix("the defaults: ") || $0 == "these are the defaults" })
    let best = try #require((report["best"] as? [String: Any])?["value"] as? Double)
    #expect(try trials.map { try #require($0["value"] as? Double) }.max() == best)
    // What is printed trains the same network.
    let command = try #require(report["command"] as? String)
    #expect(lines.contains("  " + command))
    let words = command.replacing("'", with: "").split(separator: " ").map(String.init)
    let trained = try BuiltTool.run(Array(words.dropFirst()) + ["--json"], in: scratch.path)
    #expect(try trained.json()["best_accuracy"] as? Double == best, "\(trained.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch / "study.sqlite.runs"))

    // The same command goes on, with more trials, and draws.
    let more = try search(
      "--try", "learning-rate=1e-3..1:log", "--try", "batch-size=8,32", "--trials", "5", "--json", "--output",
      "effects.svg", "--method", "gp", "--jobs", "2")
    let all = try #require(try more.json()["trials"] as? [[String: Any]], "\(more.errors)")
    #expect(all.count == 5)
    #expect(
      zip(all, trials).allSatisfy { ($0["settings"] as? [String: String]) == ($1["settings"] as? [String: String]) })
    let drawn = try String(contentsOfFile: scratch / "effects.svg", encoding: .utf8)
    #expect(drawn.contains("Importance") && drawn.contains("learning-rate"))

    // Other settings are another study.
    let other = try search("--try", "learning-rate=1e-3..1:log", "--trials", "5")
    #expect(other.status == 1 && other.errors.contains("was begun with other settings"), "\(other.errors)")
  }

  /// Trials on other data cannot be compared with those so far.
  @Test func aStudyKeepsToItsData() throws {
    let first = try search("--trials", "1", "--try", "learning-rate=1e-3,1e-2", "--method", "grid")
    #expect(first.status == 0, "\(first.errors)")
    let table = try String(contentsOfFile: scratch / "numbers.csv", encoding: .utf8)
    try scratch.write(table + "1,1,2,low\n", to: "numbers.csv")
    let other = try search("--trials", "2", "--try", "learning-rate=1e-3,1e-2", "--method", "grid")
    expectFault(other, "numbers.csv holds other data than the study's trials had so far")
    // A study of an earlier version does not say what its data were.
    try SQLiteDatabase(path: scratch / "study.sqlite").execute("DELETE FROM study WHERE name = 'data'")
    let older = try search("--trials", "2", "--try", "learning-rate=1e-3,1e-2", "--method", "grid")
    #expect(older.status == 0 && older.errors.contains("does not say what data its trials had"), "\(older.errors)")
  }

  /// Nor can those that began with other weights, or had other weights of classes.
  @Test func aStudyKeepsToItsCheckpointAndFiles() throws {
    func train(seed: String) throws {
      try? FileManager.default.removeItem(atPath: scratch / "first")
      let outcome = try BuiltTool.run(
        [
          "train", "mlp", "--data", "numbers.csv", "--target", "kind", "--set", "hidden=[4]", "--epochs", "1", "--seed",
          seed, "--output", "first",
        ], in: scratch.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    func search(_ trials: String) throws -> BuiltTool.Outcome {
      try BuiltTool.run(
        [
          "search", "finetune", "--from", "first", "--data", "numbers.csv", "--target", "kind", "--epochs", "1",
          "--class-weights", "weights.csv", "--study", "study.sqlite", "--try", "learning-rate=1e-3,1e-2", "--method",
          "grid", "--trials", trials,
        ], in: scratch.path)
    }
    try train(seed: "1")
    try scratch.write("high,1\nlow,2\n", to: "weights.csv")
    let begun = try search("1")
    #expect(begun.status == 0, "\(begun.errors)")
    try train(seed: "2")
    expectFault(try search("2"), "first is not the checkpoint that the study's trials began with so far")
    // The same training gives the same weights again.
    try train(seed: "1")
    try scratch.write("high,1\nlow,3\n", to: "weights.csv")
    expectFault(try search("2"), "what is in weights.csv has changed since the study's trials so far")
    try scratch.write("high,1\nlow,2\n", to: "weights.csv")
    let more = try search("2")
    #expect(more.status == 0 && !more.errors.contains("does not say"), "\(more.errors)")
  }

  /// A flag that is on by itself is off where a trial says so, and an option is searched under one name.
  @Test func flagsAreTurnedOff() throws {
    try ToyFiles.images(at: scratch / "PHOTOS")
    func search(_ options: String...) throws -> BuiltTool.Outcome {
      try BuiltTool.run(
        [
          "search", "train", "mlp", "--data", "PHOTOS", "--set", "hidden=[4]", "--epochs", "1", "--study",
          "study.sqlite", "--method", "grid", "--json",
        ] + options, in: scratch.path)
    }
    let outcome = try search("--try", "crop-margin=on,off", "--monitor", "loss")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let trials = try #require(try outcome.json()["trials"] as? [[String: Any]])
    #expect(Set(trials.compactMap { $0["value"] as? Double }).count == 2, "\(trials)")
    for (options, words) in [
      (["--no-crop-margin", "--try", "crop-margin=on,off"], "--no-crop-margin is given, too"),
      (["--lr", "0.1", "--try", "learning-rate=0.1,0.2"], "--lr is given, too"),
      (["--try", "lr=0.1,0.2", "--try", "learning-rate=1,2"], "--lr and --learning-rate are the same option"),
    ] {
      let refused = try BuiltTool.run(
        ["search", "train", "mlp", "--data", "PHOTOS", "--study", "other.sqlite", "--method", "grid"] + options,
        in: scratch.path)
      #expect(refused.status == 64 && refused.errors.contains(words), "\(refused.errors)")
    }
  }

  /// With folds a trial is worth the mean of what each fold held out: what the printed command says of them. Pruning looks at
  /// the first fold, other processes go on, and another command is another study.
  @Test func trialsAreMeasuredOnFolds() throws {
    let tries = ["--try", "learning-rate=1e-3..1:log", "--try", "optimizer=sgd,adam", "--json"]
    func search(_ folds: String, _ more: String...) throws -> BuiltTool.Outcome {
      try BuiltTool.run(
        [
          "search", "train", "mlp", "--data", "numbers.csv", "--target", "kind", "--exclude", "y", "--set",
          "hidden=[4]", "--epochs", "3", "--threads", "1", "--folds", folds, "--study", "folds.sqlite",
        ] + tries + more, in: scratch.path)
    }
    let first = try search("3", "--trials", "2")
    let report = try first.json()
    let trials = try #require(report["trials"] as? [[String: Any]], "\(first.errors)")
    let best = try #require((report["best"] as? [String: Any])?["value"] as? Double)
    let words = try #require(report["command"] as? String).replacing("'", with: "").split(separator: " ").map(
      String.init)
    let byHand = try BuiltTool.run(Array(words.dropFirst()) + ["--json"], in: scratch.path)
    let scores = try #require(try byHand.json()["scores"] as? [String: [String: Any]], "\(byHand.errors)")
    #expect(abs(try #require(scores["accuracy"]?["mean"] as? Double) - best) < 1e-12)
    let deviation = try #require((report["best"] as? [String: Any])?["deviation"] as? Double)
    #expect(abs(try #require(scores["accuracy"]?["deviation"] as? Double) - deviation) < 1e-12)
    #expect(first.output.contains("± "))
    #expect((scores["accuracy"]?["values"] as? [Double])?.count == 3)

    let more = try search("3", "--trials", "12", "--jobs", "2", "--prune", "asha")
    let all = try #require(try more.json()["trials"] as? [[String: Any]], "\(more.errors)")
    #expect(all.compactMap { $0["trial"] as? Int } == Array(1...12))
    for (one, other) in zip(all, trials) {
      #expect(one["value"] as? Double == other["value"] as? Double)
      #expect(one["settings"] as? [String: String] == other["settings"] as? [String: String])
    }
    let pruned = all.filter { $0["state"] as? String == "pruned" }
    #expect(pruned.allSatisfy { ($0["epochs"] as? Int).map { $0 <= 3 } == true })
    #expect(pruned.count + all.count { $0["state"] as? String == "finished" } == 12)
    let other = try search("4", "--trials", "12")
    #expect(other.status == 1 && other.errors.contains("was begun with other arguments: mlp "), "\(other.errors)")
  }

  /// A trial that fails is recorded with its reason, conditions hold, numbers are measured by their loss, and what is given
  /// to start with comes first.
  @Test func failuresAreRecorded() throws {
    let searched = try search(
      "--try", "optimizer=adam,momentum", "--try", "momentum=0.5,0.9:if optimizer=momentum", "--try",
      "learning-rate=0.01,1e30", "--start", "optimizer=momentum,momentum=0.9,learning-rate=1e30", "--method", "grid",
      "--json",
      target: "y")
    let report = try searched.json()
    let trials = try #require(report["trials"] as? [[String: Any]], "\(searched.errors)")
    #expect(report["monitor"] as? String == "loss" && trials.count == 6)
    #expect(trials[0]["state"] as? String == "failed" && (trials[0]["message"] as? String)?.contains("loss") == true)
    for trial in trials {
      let settings = try #require(trial["settings"] as? [String: String])
      #expect((settings["momentum"] != nil) == (settings["optimizer"] == "momentum"))
      #expect((trial["state"] as? String == "failed") == (settings["learning-rate"] == "1e30"))
    }
    #expect(Set(trials.compactMap { $0["settings"] as? [String: String] }).count == 6)
  }

  @Test(arguments: [
    (["--try", "learning-rat=1..2"], "unknown option '--learning-rat'; did you mean '--learning-rate'?"),
    (["--try", "optimizer=adam,magic"], "magic"), (["--try", "epochs=0..3"], "--epochs 0 is out of range"),
    (["--try", "target=a,b"], "--target is given, too"), (["--try", "data=a,b"], "--data is not a setting of a trial"),
    (["--try", "batch-size=1.5..3"], "--batch-size"),
    (["--try", "learning-rate=0..1:log"], "log needs a range above 0"),
    (["--try", "learning-rate=0.1..1", "--method", "grid"], "learning-rate has no end of values"),
    (["--try", "learning-rate=0.1..1", "--try", "learning-rate=0.1,2"], "learning-rate is given twice"),
    (["--try", "momentum=0.1,0.2:if optimizer=sgd"], "optimizer, which is not searched"),
    (["--try", "learning-rate=0.1,1", "--start", "learning-rate=5"], "learning-rate=5"),
    (["--try", "learning-rate=0.1,1", "--time", "soon"], "--time 'soon'"),
    (["--try", "learning-rate=0.1,1", "--epoch", "3"], "unknown option '--epoch'"),
    (["--try", "learning-rate=0.1,1", "--resume", "r"], "--resume"),
    (["--try", "learning-rate=0.1,1", "--plot"], "--plot is for one run"),
    (["--try", "learning-rate=0.1,1", "--output", "a.gif"], "--output a.gif"), ([], "--try is missing"),
    (["--try", "learning-rate=0.1..1", "--monitor", "los"], "--monitor"),
    (["--try", "set.hiden=[8]"], "hiden"), (["--try", "set.hidden=[8]|[0]"], "hidden"),
  ])
  func wrongUsageNamesTheOption(options: [String], words: String) throws {
    let base = ["train", "mlp", "--data", "/nowhere.csv", "--target", "y", "--study", "s.sqlite", "--trials", "2"]
    let error = try #require(throws: (any Error).self) { _ = try SearchCommand.parse(base + options) }
    let unknown = UnknownOption.first(of: AviaryCommand.self, among: ["search"] + base + options)
    #expect(SearchCommand.exitCode(for: error).rawValue == 64)
    #expect(
      SearchCommand.message(for: error).contains(words) || unknown.map { "\($0.error)".contains(words) } == true,
      "\(SearchCommand.message(for: error))")
  }

  /// What the settings are where nothing is said, in whatever part of the options they stand; nil where the search leaves one
  /// out.
  @Test func defaultsAreFound() throws {
    func defaults(_ tries: [String], _ more: [String] = []) throws -> [String: String]? {
      let words =
        ["train", "mlp", "--data", scratch / "numbers.csv", "--target", "kind", "--study", "s", "--trials", "1"] + more
      let command: SearchCommand = try SearchCommand.parse(words + tries.flatMap { ["--try", $0] })
      let plan = try command.plan()
      return plan.command.ownValues(in: plan.space)
    }
    #expect(
      try defaults([
        "learning-rate=1e-5..1e-1:log", "batch-size=8..256:log", "optimizer=sgd,adamw", "epochs=5..50",
        "weight-decay=1e-4..1:log", "schedule=constant,cosine", "label-smoothing=0..0.2", "accumulate=1,2,4",
        "momentum=0.5..0.9:if optimizer=sgd", "betas=0.9,0.999|0.95,0.99:if optimizer=adamw", "seed=0,1",
      ]) == [
        "learning-rate": "0.001", "batch-size": "32", "optimizer": "adamw", "epochs": "20", "weight-decay": "0.01",
        "schedule": "cosine", "label-smoothing": "0", "accumulate": "1", "betas": "0.9,0.999", "seed": "0",
      ])
    #expect(try defaults(["optimizer=sgd,adam"]) == nil)
    #expect(try defaults(["learning-rate=0.01..1"]) == nil)
    #expect(try defaults(["learning-rate=0.01..1", "epochs=1..9"], ["--optimizer", "sgd"]) == nil)
    // Of the network's configuration.
    #expect(try defaults(["set.hidden=[8]|[256,128]"]) == ["set.hidden": "[256,128]"])
    #expect(try defaults(["set.hidden=[8]|[128]"]) == nil)
    #expect(try defaults(["set.hidden=[8]|[9]", "epochs=1..30"], ["--set", "dropout=[0.5]"]) == nil)
  }

  /// Trials with the same value are told apart by their loss.
  @Test func equalTrialsAreRankedByLoss() throws {
    let study = try Study(path: scratch / "ties.sqlite", facts: [])
    for (value, loss) in [(0.5, 0.1), (0.75, 0.4), (0.75, 0.3), (0.75, 0.3), (0.75, nil)] {
      let claim = try #require(try study.claim(limit: nil))
      try study.complete(claim, ["a": "1"])
      try study.finish(claim, .finished, value: value, loss: loss)
    }
    #expect(SearchResult.ranked(try study.trials(), .accuracy).map(\.number) == [2, 3, 1, 4, 0])
    #expect(SearchResult.best(try study.trials(), .loss)?.number == 0)
  }

  @Test(arguments: [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400)])
  func timesAreRead(text: String, seconds: Double) { #expect(duration(text) == seconds) }

  @Test(arguments: ["", "h", "2x", "1h1h", "-1h", "1h30", "infh"]) func otherTimesAreNot(text: String) {
    #expect(duration(text) == nil)
  }

  /// Trials train on the same features as a run of their own does.
  @Test func photographsShareTheirFeatures() throws {
    try ToyFiles.images(at: scratch / "PHOTOS")
    try ToyFiles.headless().write(to: scratch / "squeezenet.h5")
    let outcome = try BuiltTool.run(
      [
        "search", "finetune", "--from", "squeezenet.h5", "--data", "PHOTOS", "--freeze", "backbone", "--epochs", "1",
        "--study", "photos.sqlite", "--try", "learning-rate=1e-3..1e-1:log", "--monitor", "loss", "--trials", "2",
        "--json",
      ], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    let best = try #require((report["best"] as? [String: Any])?["value"] as? Double)
    let words = try #require(report["command"] as? String).split(separator: " ").map(String.init)
    let trained = try BuiltTool.run(Array(words.dropFirst()) + ["--json"], in: scratch.path)
    #expect(try trained.json()["best_loss"] as? Double == best, "\(trained.errors)")
  }
}
