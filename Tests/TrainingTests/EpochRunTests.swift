import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// What happens in single epochs: weights that are kept, layers that are unfrozen, steps that are recorded.
@Suite struct EpochRunTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-epochs-\(UUID())").path

  private func options(_ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = FitTests.options(epochs: 5)
    change(&options)
    return options
  }

  private func task(_ options: TrainingOptions) throws -> some TrainingTask {
    SupervisedTask(FitTests.curve(), on: try FitTests.data(), options, items: "points")
  }

  @Test func everySecondEpochIsKept() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = options { $0.saveEvery = 2 }
    _ = try fit(task(options), options, in: folder)
    let saved = SavedEpochs.list(in: folder)
    #expect(saved.map(\.epoch) == [2, 4] && saved[0].path == folder + "/epoch-002.h5")
    let history = try RunRecord(reading: folder).history
    for (epoch, path) in saved {
      let checkpoint = try Checkpoint.read(from: path)
      #expect(checkpoint.trainingState == nil && checkpoint.paths.count == 4)
      let loss = try #require(checkpoint.metadata.metrics["validation_loss"])
      #expect(significant(loss, 6) == history[epoch - 1].validation?.loss)
    }
    // The best epoch is one of them or not; the last is none.
    #expect(throws: RunFault.self) {
      for name in ["best.h5", "last.h5", "history.csv", "summary.json"] {
        try FileManager.default.removeItem(atPath: folder + "/" + name)
      }
      _ = try fit(task(options), options, in: folder)
    }
    #expect(SavedEpochs.name(1234) == "epoch-1234.h5" && SavedEpochs.list(in: folder + "/none").isEmpty)
  }

  @Test func layersAreUnfrozenOnScheduleAndResumedBitForBit() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = options {
      $0.freeze = ["first"]
      $0.unfreezing = [Unfreezing("first", from: 3)]
      $0.saveEvery = 1
    }
    let whole = try fit(task(options), options, in: folder + "/whole")
    #expect(whole.summary?.trainable == 25)
    func weights(_ epoch: Int, _ path: String) throws -> [Float] {
      try #require(Checkpoint.read(from: "\(folder)/whole/\(SavedEpochs.name(epoch))")[path]?.floats())
    }
    let start = FitTests.curve().first.weight.tensor.scalars
    for epoch in 1...2 { #expect(try weights(epoch, "first.weight") == start, "frozen in epoch \(epoch)") }
    #expect(try weights(3, "first.weight") != start)
    #expect(try weights(1, "last.weight") != weights(2, "last.weight"))
    // 42 points are 6 batches: the new layers' steps are counted from the third epoch on.
    let state = try #require(Checkpoint.read(from: folder + "/whole/last.h5").trainingState)
    #expect(state.optimizer["first.weight"]?.step == 18 && state.optimizer["last.weight"]?.step == 30)
    #expect(state.averages["first.weight"] != nil)
    // At the end of an epoch just before, within one just after, and later.
    var steps = 0
    var hooks = TrainingHooks()
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    for (round, stop) in [12, 13, 20].enumerated() {
      hooks.isInterrupted = { steps == stop }
      let report =
        round == 0
        ? try fit(task(options), options, in: folder + "/stopped", hooks: hooks)
        : try resumeFit(task(options), in: folder + "/stopped", hooks: hooks)
      #expect(report.interrupted)
    }
    _ = try resumeFit(task(options), in: folder + "/stopped")
    try expectSameRuns(folder + "/whole", folder + "/stopped", least: 4)
  }

  @Test func whatIsNotFrozenIsNotUnfrozen() throws {
    for (layers, part) in [("last", "no parameter"), ("second", "matches no layer")] {
      let options = options {
        $0.freeze = ["first"]
        $0.unfreezing = [Unfreezing(layers, from: 2)]
      }
      let fault = #expect(throws: TrainingFault.self) { try fit(task(options), options, in: folder) }
      #expect(fault?.description.contains("--unfreeze") == true && fault?.description.contains(part) == true)
    }
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test func everyStepIsRecordedBesideWhatIsInspected() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var hooks = TrainingHooks()
    hooks.recordsSteps = true
    func rows(_ run: String, _ name: String) throws -> [[Substring]] {
      try String(contentsOfFile: "\(folder)/\(run)/\(name)", encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
    }
    let plain = try fit(task(options()), options(), in: folder + "/none")
    let recorded = try fit(task(options()), options(), in: folder + "/steps", hooks: hooks)
    #expect(plain.summary?.bestLoss == recorded.summary?.bestLoss)
    let steps = try rows("steps", "steps.csv")
    #expect(steps.dropFirst().map { $0[0] } == (1...30).map { "\($0)" } && steps.allSatisfy { $0.count == 7 })
    #expect(steps[1][5].isEmpty && Double(steps[1][2]) != nil)
    #expect(!FileManager.default.fileExists(atPath: folder + "/steps/layers.csv"))
    #expect(try RunRecord(reading: folder + "/steps").steps.count == 30)
    hooks.inspectionInterval = 10
    _ = try fit(task(options()), options(), in: folder + "/both", hooks: hooks)
    let both = try rows("both", "steps.csv")
    #expect(both.count == 31 && both.dropFirst().filter { !$0[5].isEmpty }.map { $0[0] } == ["10", "20", "30"])
    for (a, b) in zip(steps, both) { #expect(a[2] == b[2]) }
    #expect(try rows("both", "layers.csv").count > 3)
  }
}
