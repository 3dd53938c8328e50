import Aviary
import Foundation
import Testing

/// Rare classes, kept epochs and doubtful labels from the command line.
@Suite struct RareClassCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    // One class in twenty, which overlaps with the other.
    let rows = (0..<200).map { row in
      let isRare = row % 20 == 0
      return "\(row % 7),\((row * 5) % 11 + (isRare ? 4 : 0)),\(isRare ? "rare" : "usual")"
    }
    try scratch.write("a,b,kind\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
  }

  private func train(_ output: String, _ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      [
        "train", "mlp", "--data", "rows.csv", "--target", "kind", "--set", "hidden=[8]", "--set", "dropout=[0]",
        "--epochs", "4",
        "--learning-rate", "0.02", "--output", output, "--json",
      ] + options, in: scratch.path)
  }

  @Test func fromTheLossToTheThresholds() throws {
    try scratch.write("class,weight\nrare,9\nusual,1\n", to: "weights.csv")
    let trained = try train(
      "run", "--class-weights", "weights.csv", "--sampler", "class-aware", "--loss", "focal", "--focal-gamma", "1",
      "--label-smoothing", "0.05", "--thresholds", "macro-f1", "--top-k", "1", "--monitor", "matthews-correlation",
      "--save-every", "2", "--history-steps")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(!trained.errors.contains("rare among") && trained.errors.contains("thresholds of the classes"))
    let summary = try trained.json()
    #expect(summary["monitor"] as? String == "matthews-correlation")
    for key in ["best_weighted_f1", "best_matthews_correlation", "best_cohens_kappa", "best_top_k", "test_top_k"] {
      #expect(summary[key] as? Double != nil, "\(key)")
    }
    #expect(summary["best_top_k"] as? Double == summary["best_accuracy"] as? Double)
    let header = try String(contentsOfFile: scratch / "run/history.csv", encoding: .utf8).prefix { $0 != "\n" }
    #expect(
      header.hasSuffix(
        ",validation_macro_f1,validation_balanced_accuracy,validation_weighted_f1,validation_matthews_correlation,validation_cohens_kappa,validation_top_k"
      ))
    #expect(try String(contentsOfFile: scratch / "run/steps.csv", encoding: .utf8).split(separator: "\n").count == 21)

    let evaluated = try BuiltTool.run(
      ["evaluate", "run", "--json", "--label-problems", "doubts.csv"], in: scratch.path)
    #expect(evaluated.status == 0 && evaluated.errors.contains("by the thresholds"), "\(evaluated.errors)")
    #expect(try evaluated.json()["accuracy"] as? Double == summary["test_accuracy"] as? Double)
    let doubts = try String(contentsOfFile: scratch / "doubts.csv", encoding: .utf8).split(separator: "\n")
    #expect(
      doubts.count == 21 && Double(doubts[1].split(separator: ",")[5])! >= Double(doubts[2].split(separator: ",")[5])!)
    let again = try BuiltTool.run(["evaluate", "run", "--label-problems", "rows.csv"], in: scratch.path)
    #expect(again.status == 64 && again.errors.contains("--label-problems"))
    let predicted = try BuiltTool.run(["predict", "run", "rows.csv", "--json"], in: scratch.path)
    #expect(predicted.status == 0 && predicted.errors.contains("by the thresholds"))

    let epochs = try BuiltTool.run(["evaluate", "run", "--epochs", "--json", "--part", "validation"], in: scratch.path)
    #expect(epochs.status == 0, "\(epochs.errors)")
    let rows = try #require(try epochs.json()["epochs"] as? [[String: Any]])
    #expect(rows.map { $0["epoch"] as? Int } == [2, 4] && rows.allSatisfy { $0["accuracy"] as? Double != nil })
    // The run goes on with what it was told.
    let resumed = try BuiltTool.run(["train", "--resume", "run", "--epochs", "5", "--json"], in: scratch.path)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try resumed.json()["best_top_k"] as? Double != nil)
  }

  @Test func rareClassesAreSaidAndOptionsRefused() throws {
    let warned = try BuiltTool.run(
      ["train", "mlp", "--data", "rows.csv", "--target", "kind", "--epochs", "1", "--output", "warned"],
      in: scratch.path)
    #expect(
      warned.status == 0 && warned.errors.contains("rare among 160 training rows: 'rare' (8)"), "\(warned.errors)")
    try scratch.write("class,weight\nrare,9\nother,1\n", to: "other.csv")
    for (option, value, status) in [
      ("--class-weights", "other.csv", Int32(1)), ("--class-weights", "nowhere.csv", 64), ("--sampler", "x", 64),
      ("--loss", "x", 64), ("--focal-gamma", "2", 64), ("--thresholds", "loss", 64), ("--top-k", "0", 64),
      ("--monitor", "top-k", 1), ("--save-every", "0", 64), ("--unfreeze", "fc", 64), ("--unfreeze", "fc@0", 64),
      ("--unfreeze", "fc@2", 1), ("--logit-adjustment", "-1", 64), ("--find-learning-rate", "a.txt", 64),
      ("--find-learning-rate", "a.png", 64),
    ] {
      let outcome = try train("refused", option, value)
      #expect(outcome.status == status && outcome.errors.contains(option), "\(option) \(value): \(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: scratch / "refused"))
    }
    let numbers = try BuiltTool.run(
      [
        "train", "mlp", "--data", "rows.csv", "--target", "a", "--task", "regression", "--class-weights", "balanced",
        "--output", "r",
      ],
      in: scratch.path)
    #expect(
      numbers.status == 1 && numbers.errors.contains("--class-weights is for learning classes"), "\(numbers.errors)")
  }

  @Test func aLearningRateIsFound() throws {
    let found = try BuiltTool.run(
      [
        "train", "mlp", "--data", "rows.csv", "--target", "kind", "--set", "hidden=[8]", "--find-learning-rate",
        "rates.svg",
        "--json",
      ], in: scratch.path)
    #expect(found.status == 0, "\(found.errors)")
    let result = try found.json()
    #expect((result["points"] as? [Any])?.count ?? 0 > 20)
    #expect(try #require(result["suggestion"] as? Double) > 1e-7)
    #expect(FileManager.default.fileExists(atPath: scratch / "rates.svg"))
  }

  @Test func predictionsOfFoldsAreScored() throws {
    try scratch.write(
      "item,fold,true,predicted,probability_a,probability_b\nx.jpg,1,a,a,0.9,0.1\ny.jpg,2,b,a,0.95,0.05\nz.jpg,2,b,b,0.1,0.9\n",
      to: "out-of-fold.csv")
    let outcome = try BuiltTool.run(
      ["evaluate", "out-of-fold.csv", "--json", "--label-problems", "doubts.csv"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["items"] as? Int == 3)
    let doubts = try String(contentsOfFile: scratch / "doubts.csv", encoding: .utf8).split(separator: "\n")
    #expect(doubts[1].hasPrefix("y.jpg,b,a,") && doubts[1].hasSuffix(",a"))
  }

  /// Folds that are repeated predict each item several times: the items are not more for that.
  @Test func predictionsOfRepeatedFoldsAreOfOneItem() throws {
    try scratch.write(
      """
      item,fold,true,predicted,probability_a,probability_b
      x.jpg,1,a,a,0.9,0.1
      y.jpg,2,b,a,0.875,0.125
      z.jpg,2,b,b,0.1,0.9
      y.jpg,3,b,b,0.375,0.625
      x.jpg,4,a,a,0.8,0.2
      z.jpg,4,b,b,0.2,0.8

      """, to: "out-of-fold.csv")
    let outcome = try BuiltTool.run(
      ["evaluate", "out-of-fold.csv", "--json", "--label-problems", "doubts.csv"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    #expect(report["items"] as? Int == 3 && report["predictions"] as? Int == 6)
    #expect(abs(try #require(report["accuracy"] as? Double) - 5.0 / 6) < 1e-12)
    #expect(
      outcome.errors.contains("means of their probabilities") && outcome.errors.contains("of 3 items"),
      "\(outcome.errors)")
    let doubts = try String(contentsOfFile: scratch / "doubts.csv", encoding: .utf8).split(separator: "\n")
    // (0.875 + 0.375) / 2 and (0.125 + 0.625) / 2.
    #expect(doubts.count == 4 && doubts[1].hasPrefix("y.jpg,b,a,0.375,0.625,"), "\(doubts)")
    let lines = try BuiltTool.run(["evaluate", "out-of-fold.csv"], in: scratch.path).output
    #expect(lines.hasPrefix("3 items, 6 predictions, accuracy 83.3"), "\(lines.prefix(80))")
  }
}
