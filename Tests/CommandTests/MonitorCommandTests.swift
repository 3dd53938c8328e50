import Aviary
import Foundation
import Testing

/// `--monitor` and `--min-delta`, from the command line to the summary.
@Suite struct MonitorCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    let rows = (0..<120).map { "\($0 % 10),\($0 % 3),\(3 * ($0 % 10) - $0 % 3),\($0 % 10 > 4 ? "high" : "low")" }
    try scratch.write("a,b,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "numbers.csv")
  }

  private func train(_ output: String, _ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      [
        "train", "mlp", "--data", "numbers.csv", "--set", "hidden=[8]", "--set", "dropout=[0]", "--epochs", "6",
        "--output", output, "--json",
      ] + options, in: scratch.path)
  }

  /// The best epoch of a history by one of its columns.
  private func best(_ run: String, _ column: String, rising: Bool) throws -> (epoch: Int, value: Double) {
    let lines = try String(contentsOfFile: scratch / "\(run)/history.csv", encoding: .utf8).split(separator: "\n")
    let place = try #require(lines[0].split(separator: ",").firstIndex { $0 == column })
    let values = try lines.dropFirst().map {
      try #require(Double($0.split(separator: ",", omittingEmptySubsequences: false)[place]))
    }
    let extreme = try #require(rising ? values.max() : values.min())
    return (try #require(values.firstIndex(of: extreme)) + 1, extreme)
  }

  @Test func theBestIsChosenByWhatIsMonitored() throws {
    let byLoss = try train("loss", "--target", "kind", "--monitor", "val_loss", "--learning-rate", "0.05")
    #expect(byLoss.status == 0, "\(byLoss.errors)")
    let summary = try byLoss.json()
    #expect(summary["monitor"] as? String == "loss")
    #expect(try summary["best_epoch"] as? Int == best("loss", "validation_loss", rising: false).epoch)
    #expect(byLoss.output.contains("best validation loss"))
    let usual = try train("usual", "--target", "kind", "--learning-rate", "0.05")
    #expect(try usual.json()["monitor"] as? String == "accuracy")
    #expect(
      try usual.json()["best_accuracy"] as? Double
        == (best("usual", "validation_accuracy", rising: true).value))
    #expect(usual.output.contains("best validation accuracy"))
  }

  @Test func classesAreMonitoredAlike() throws {
    for (quantity, key) in [("macro-f1", "best_macro_f1"), ("balanced-accuracy", "best_balanced_accuracy")] {
      let trained = try train(quantity, "--target", "kind", "--monitor", quantity, "--schedule", "plateau")
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(try trained.json()["monitor"] as? String == quantity)
      let best = try #require(try trained.json()[key] as? Double)
      #expect((0...1).contains(best))
      let validated = try BuiltTool.run(
        ["evaluate", quantity, "--data", "numbers.csv", "--part", "validation", "--json"], in: scratch.path)
      let confusion = try #require(try validated.json()["confusion"] as? [[Int]])
      let rows = confusion.map { Double($0.reduce(0, +)) }
      let columns = confusion.indices.map { column in Double(confusion.map { $0[column] }.reduce(0, +)) }
      let scores = confusion.indices.map { (index: Int) -> Double in
        let right = Double(confusion[index][index])
        if quantity == "macro-f1" { return 2 * right / (rows[index] + columns[index]) }
        return right / rows[index]
      }
      let mean: Double = scores.reduce(0, +) / 2
      #expect(abs(mean - best) < 1e-12)
      let data = try Data(contentsOf: URL(filePath: scratch / "\(quantity)/options.json"))
      let options = try JSONDecoder().decode(TrainingOptions.self, from: data)
      #expect(options.schedule == .reduceOnPlateau(ReduceOnPlateau(quantity: options.monitor)))
    }
  }

  @Test func numbersAreMonitoredInTheirUnits() throws {
    for (quantity, key) in [("rmse", "best_rmse"), ("mae", "best_mae"), ("r2", "best_r2")] {
      let trained = try train(quantity, "--target", "y", "--monitor", quantity)
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(try trained.json()["monitor"] as? String == quantity)
      let best = try #require(try trained.json()[key] as? Double)
      let validated = try BuiltTool.run(
        ["evaluate", quantity, "--data", "numbers.csv", "--part", "validation", "--json"], in: scratch.path)
      #expect(abs(try #require(try validated.json()[quantity] as? Double) - best) < 1e-4 * max(1, abs(best)))
    }
  }

  @Test func theSmallestChangeCountsForBestAndPatience() throws {
    let stopped = try train("run", "--target", "y", "--monitor", "mae", "--min-delta", "1000", "--patience", "2")
    #expect(stopped.status == 0, "\(stopped.errors)")
    #expect(try stopped.json()["best_epoch"] as? Int == 1 && stopped.json()["epochs"] as? Int == 3)
    let data = try Data(contentsOf: URL(filePath: scratch / "run/options.json"))
    let options = try JSONDecoder().decode(TrainingOptions.self, from: data)
    #expect(options.monitor == .mae && options.minimumDelta == 1000)
    #expect(options.earlyStopping == EarlyStopping(patience: 2, minimumImprovement: 1000, quantity: .mae))
    // A resumed run chooses as it was told at its beginning.
    let resumed = try BuiltTool.run(["train", "--resume", "run", "--epochs", "5", "--json"], in: scratch.path)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try resumed.json()["best_epoch"] as? Int == 1 && resumed.json()["epochs"] as? Int == 5)
    #expect(try resumed.json()["monitor"] as? String == "mae")
  }

  @Test func whatTheTaskDoesNotReportIsRefusedBeforeTraining() throws {
    for (target, quantity, available) in [
      ("y", "accuracy", "loss, rmse, mae, r2"), ("kind", "r2", "loss, accuracy, macro-f1"),
    ] {
      let refused = try train("run", "--target", target, "--monitor", quantity)
      expectFault(refused, "--monitor \(quantity)", available)
      #expect(!scratch.names.contains("run"))
    }
  }
}
