import Aviary
import Foundation
import Testing

/// Folds, members and ensembles, from the command line to what is printed.
@Suite struct FoldCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    let rows = (0..<60).map {
      "\($0 % 10),\($0 % 3),p\($0 / 3),\(3 * ($0 % 10) - $0 % 3),\($0 % 10 > 4 ? "high" : "low")"
    }
    try scratch.write("a,b,patient,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "numbers.csv")
  }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  private func train(_ output: String, _ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      [
        "train", "mlp", "--data", "numbers.csv", "--set", "hidden=[6]", "--set", "dropout=[0]", "--epochs", "3",
        "--learning-rate", "0.05", "--output", output, "--json",
      ] + options, in: scratch.path)
  }

  @Test func estimatesOfFoldsAreScoredAndTheirFolderIsNoRun() throws {
    // A name like that of a table, too.
    let trained = try train("run.csv", "--target", "y", "--exclude", "kind,patient", "--folds", "2")
    #expect(trained.status == 0, "\(trained.errors)")
    let pooled = try #require(try trained.json()["pooled"] as? [String: Any])
    let scored = try run("evaluate", "run.csv/out-of-fold.csv", "--json")
    #expect(scored.status == 0, "\(scored.errors)")
    let scores = try scored.json()
    #expect(scores["items"] as? Int == 60 && scores["r2"] is Double)
    for name in ["rmse", "mae"] {
      let (a, b) = (try #require(pooled[name] as? Double), try #require(scores[name] as? Double))
      #expect(abs(a - b) < 1e-9 * a, "\(name)")
    }
    #expect(
      try run("evaluate", "run.csv/out-of-fold.csv", "--label-problems", "l.csv").errors.contains(
        "is for items with one class each"))
    for arguments in [
      ["report", "run.csv"], ["plot", "run.csv", "--output", "r.svg"], ["evaluate", "run.csv", "--epochs"],
    ] {
      expectFault(
        try BuiltTool.run(arguments, in: scratch.path),
        "run.csv: holds several runs; name one of them, such as run.csv/fold-1")
    }
    let single = try run("evaluate", "run.csv/fold-1", "--data", "numbers.csv", "--json")
    #expect(single.status == 0, "\(single.errors)")
    #expect(try train("one.csv", "--target", "kind", "--exclude", "y").status == 0)
    #expect(try run("evaluate", "one.csv", "--json").json()["accuracy"] is Double)
  }

  @Test func foldsAreTrainedResumedAndAnswerTogether() throws {
    let trained = try train("run", "--target", "kind", "--exclude", "y", "--folds", "3", "--group", "patient")
    #expect(trained.status == 0, "\(trained.errors)")
    let summary = try trained.json()
    let scores = try #require(summary["scores"] as? [String: [String: Any]])
    let accuracy = try #require(scores["accuracy"])
    let values = try #require(accuracy["values"] as? [Double])
    #expect(values.count == 3 && summary["division"] as? String == "stratified-grouped")
    let mean = values.reduce(0, +) / 3
    #expect(abs(try #require(accuracy["mean"] as? Double) - mean) < 1e-12)
    #expect(
      trained.output.contains("by Student's t over 3 runs") && trained.output.contains("out of fold: 60 predictions"))
    let lines = try String(contentsOfFile: scratch / "run/out-of-fold.csv", encoding: .utf8).split(separator: "\n")
    #expect(lines[0] == "item,fold,true,predicted,probability_high,probability_low" && lines.count == 61)
    let stored =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(filePath: scratch / "run/summary.json"))) as? [String: Any]
    #expect(stored?["division"] as? String == "stratified-grouped")

    // A fold that is missing is trained again, to the same end.
    try FileManager.default.removeItem(atPath: scratch / "run/fold-2")
    let resumed = try run("train", "--resume", "run", "--json")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(
      try (resumed.json()["scores"] as? [String: [String: Any]])?["accuracy"]?["values"] as? [Double] == values)

    // The folder stands for its folds.
    let evaluated = try run(
      "evaluate", "run", "--data", "numbers.csv", "--part", "all", "--ensemble", "logits", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let report = try evaluated.json()
    let ensemble = try #require(report["ensemble"] as? [String: Any])
    let members = try #require(ensemble["members"] as? [[String: Any]])
    #expect(members.map { $0["checkpoint"] as? String } == (1...3).map { "run/fold-\($0)" })
    #expect(ensemble["accuracy"] as? Double == report["accuracy"] as? Double && report["rows"] as? Int == 60)
    let interval = try #require(ensemble["accuracy_interval"] as? [Double])
    let right = Int((try #require(report["accuracy"] as? Double) * 60).rounded())
    let expected = try #require(ScoreInterval.wilson(correct: right, of: 60))
    #expect(interval == [expected.lower, expected.upper])
    #expect(evaluated.errors.contains("held out other items of its training"))

    // By weights: of one network alone they make what it says alone.
    let alone = try run("predict", "run/fold-2", "numbers.csv", "--json").json()
    let weighted = try run("predict", "run/fold-1", "run/fold-2", "numbers.csv", "--weights", "0,1", "--json")
    #expect(weighted.status == 0, "\(weighted.errors)")
    func first(_ object: [String: Any]) throws -> (name: String, probability: Double) {
      let row = try #require((object["predictions"] as? [[String: Any]])?.first)
      let best = try #require((row["classes"] as? [[String: Any]])?.first)
      return (try #require(best["name"] as? String), try #require(best["probability"] as? Double))
    }
    let (one, other) = (try first(alone), try first(weighted.json()))
    #expect(one.name == other.name && abs(one.probability - other.probability) < 1e-6)
    #expect(try weighted.json()["ensemble"] != nil)
  }

  @Test func bagsFitWeightsOnWhatAllOfThemHeldOut() throws {
    let trained = try train(
      "bag", "--target", "y", "--task", "regression", "--exclude", "kind,patient", "--bootstrap", "2")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.output.contains("2 bootstrap samples") && trained.output.contains("out of bag: "))
    let evaluated = try run(
      "evaluate", "bag", "--data", "numbers.csv", "--ensemble", "weighted", "--save-weights", "w.json", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let report = try evaluated.json()
    #expect(report["part"] as? String == "test" && report["rows"] as? Int == 6)
    let ensemble = try #require(report["ensemble"] as? [String: Any])
    let weights = try #require(ensemble["members"] as? [[String: Any]]).compactMap { $0["weight"] as? Double }
    #expect(abs(weights.reduce(0, +) - 1) < 1e-12 && ensemble["rmse"] as? Double == report["rmse"] as? Double)
    let again = try run(
      "evaluate", "bag", "--data", "numbers.csv", "--ensemble", "weighted", "--weights", "w.json", "--json")
    #expect(try again.json()["rmse"] as? Double == report["rmse"] as? Double, "\(again.errors)")
    for rule in ["vote", "logits"] {
      expectFault(
        try run("evaluate", "bag", "--data", "numbers.csv", "--ensemble", rule), "--ensemble \(rule)", "numbers")
    }
  }

  /// A file of its own may hold what is trained on: its groups, or all of it.
  @Test func whatAPartHasInCommonWithTheTrainingIsSaid() throws {
    let header = "a,b,patient,y,kind\n"
    try scratch.write(header + "1,2,p3,4,low\n9,0,p19,2,high\n4,1,p77,3,low\n", to: "test.csv")
    try scratch.write("a,b,y,kind\n1,2,4,low\n9,0,2,high\n", to: "plain.csv")
    let options = ["--target", "kind", "--exclude", "y"]
    func errors(_ output: String, _ more: String...) throws -> String {
      let base = ["train", "mlp", "--data", "numbers.csv", "--set", "hidden=[4]", "--epochs", "1", "--output", output]
      let outcome = try BuiltTool.run(base + options + more, in: scratch.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.errors
    }
    let grouped = try errors("grouped", "--group", "patient", "--validation", "plain.csv", "--test", "test.csv")
    #expect(grouped.contains("2 groups are in the training and in the test part, such as 'p19'"), "\(grouped)")
    #expect(grouped.contains("plain.csv has no column 'patient'"), "\(grouped)")
    #expect(try !errors("plain", "--test", "test.csv").contains("groups"))
    try FileManager.default.copyItem(atPath: scratch / "numbers.csv", toPath: scratch / "copy.csv")
    let learned = try errors("learned", "--test", "copy.csv")
    #expect(learned.contains("numbers.csv: the test part is the data that are trained on"), "\(learned)")
    let chosen = try errors("chosen", "--validation", "test.csv", "--test", "test.csv")
    #expect(chosen.contains("the test part is the validation part"), "\(chosen)")

    try ToyFiles.images(at: scratch / "pets")
    let images = try run(
      "train", "squeezenet-toy", "--data", "pets/train", "--test", "./pets/train", "--validation", "pets/test",
      "--image-size", "32", "--epochs", "1", "--output", "images")
    #expect(images.status == 0 && images.errors.contains("the test part is the data that are trained on"))
    #expect(!images.errors.contains("validation part is"), "\(images.errors)")
  }

  @Test func anAverageIsNotWrittenWhereItIsWorse() throws {
    // Two networks with each other's hidden units, one of them negated: alike alone, and nothing on average.
    let trained = try train("first", "--target", "kind", "--exclude", "y,patient")
    #expect(trained.status == 0, "\(trained.errors)")
    var checkpoint = try Checkpoint.read(from: scratch / "first/best.h5")
    for entry in checkpoint.entries {
      let tensor = try #require(entry.array.tensor())
      checkpoint.set(StoredArray(tensor.scalars.map { -$0 }, shape: tensor.shape), at: entry.path)
    }
    try checkpoint.write(to: scratch / "negated.h5")
    let worse = try run(
      "average", "first/best.h5", "negated.h5", "--output", "mean.h5", "--data", "numbers.csv", "--part", "all")
    if worse.status != 0 {
      expectFault(worse, "the average has accuracy", "--force")
      #expect(!FileManager.default.fileExists(atPath: scratch / "mean.h5"))
      let forced = try run(
        "average", "first/best.h5", "negated.h5", "--output", "mean.h5", "--data", "numbers.csv", "--part", "all",
        "--force")
      #expect(forced.status == 0 && FileManager.default.fileExists(atPath: scratch / "mean.h5"), "\(forced.errors)")
    } else {
      Issue.record("the average of a network and its opposite is as good as the better one: \(worse.errors)")
    }
    let same = try run(
      "average", "first/best.h5", "first/best.h5", "--output", "same.h5", "--data", "numbers.csv", "--json")
    #expect(same.status == 0, "\(same.errors)")
    let scores = try #require(try same.json()["scores"] as? [[String: Any]])
    #expect(scores.count == 3 && Set(scores.compactMap { $0["accuracy"] as? Double }).count == 1)
  }

  @Test(arguments: [
    (["--folds", "1"], "--folds"), (["--repeats", "2"], "--repeats"), (["--bootstrap", "1"], "--bootstrap"),
    (["--folds", "3", "--bootstrap", "3"], "--bootstrap"), (["--folds", "3", "--test", "0.2"], "--test"),
    (["--test", "1.5"], "--test"), (["--group-pattern", "("], "--group-pattern"), (["--cycles", "3"], "--cycles"),
    (["--schedule", "cyclic", "--cycles", "9"], "--cycles"), (["--time-series", "--group", "b"], "--group"),
    (["--window", "3", "--bootstrap", "3"], "--bootstrap"),
  ]) func wrongUsageIsNamed(options: [String], name: String) throws {
    let outcome = try BuiltTool.run(
      ["train", "mlp", "--data", "numbers.csv", "--target", "kind", "--output", "x", "--epochs", "3"] + options,
      in: scratch.path)
    #expect(outcome.status == 64 && outcome.errors.contains(name), "\(outcome.errors)")
  }

  /// What several networks have to say of one table is said once, and what one of them says alone as well.
  @Test func remarksAreToldOnce() throws {
    func words(_ first: String, _ file: String) throws {
      let rows = (0..<40).map { "\($0 % 7),\([first, "b"][$0 % 2]),\($0 % 2 == 0 ? "NA" : "US")" }
      try scratch.write("a,word,kind\n" + rows.joined(separator: "\n") + "\n", to: file)
    }
    for word in ["x", "z", "new"] { try words(word, "\(word).csv") }
    func count(_ outcome: BuiltTool.Outcome, _ text: String) -> Int {
      outcome.errors.split(separator: "\n").count { $0.contains(text) }
    }
    let options = ["--target", "kind", "--epochs", "1", "--set", "hidden=[4]"]
    let folds = try BuiltTool.run(
      ["train", "mlp", "--data", "x.csv", "--folds", "3", "--output", "folds"] + options, in: scratch.path)
    #expect(folds.status == 0 && count(folds, "'NA' is taken as a word") == 1, "\(folds.errors)")
    for word in ["x", "z"] {
      let trained = try BuiltTool.run(
        ["train", "mlp", "--data", "\(word).csv", "--output", word] + options, in: scratch.path)
      #expect(trained.status == 0, "\(trained.errors)")
    }
    for arguments in [
      ["evaluate", "x", "z", "--data", "new.csv"], ["predict", "x", "z", "new.csv"],
      ["evaluate", "x", "z", "--data", "new.csv", "--ensemble", "weighted", "--validation", "new.csv"],
    ] {
      let outcome = try BuiltTool.run(arguments, in: scratch.path)
      #expect(outcome.status == 0 && count(outcome, "'new' is not a word") == 1, "\(arguments): \(outcome.errors)")
    }
    // The first network knows this word.
    let known = try run("evaluate", "x", "z", "--data", "x.csv", "--part", "all")
    #expect(known.status == 0 && count(known, "'x' is not a word that the network knows") == 1, "\(known.errors)")
  }
}
