import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Weights that are not finite are never saved, and training stops.
@Suite struct NonfiniteRunTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-nonfinite-\(UUID())").path

  /// No part is held out, so that no validation finds the weights before they are saved.
  private static func task(_ model: FitTests.Curve = FitTests.curve()) -> some TrainingTask {
    let inputs = TensorRows(Tensor(FitTests.points, shape: [60, 1]))
    let data = DatasetParts(training: Examples(inputs, targets: FitTests.points.map { $0 * $0 }))
    return SupervisedTask(model, on: data, options, items: "points")
  }

  private static var options: TrainingOptions {
    var options = FitTests.options(epochs: 3)
    options.weightAverageDecay = nil
    options.clipping = nil
    return options
  }

  /// The files with weights.
  private func files() throws -> [Data] {
    try ["best.h5", "last.h5"].map { try Data(contentsOf: URL(filePath: "\(folder)/\($0)")) }
  }

  /// Eight steps an epoch: the gradients of the last one of epoch 2 are spoilt, so that no loss shows it.
  @Test(arguments: [Float.nan, .infinity]) func weightsThatDivergeAreNotSaved(factor: Float) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var steps = 0
    var before: [Data] = []
    var hooks = TrainingHooks()
    hooks.observe = { if case .finishedEpoch(let row, _) = $0, row.epoch == 1 { before = (try? files()) ?? [] } }
    hooks.transformGradients = {
      steps += 1
      return steps == 16 ? $0.scaled(by: factor) : $0
    }
    let fault = #expect(throws: TrainingFault.self) { try fit(Self.task(), Self.options, in: folder, hooks: hooks) }
    guard case .notFinite(let tensor, epoch: 2, step: 16)? = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(tensor.hasPrefix("'first.weight' (") && tensor.contains("NaN of 8 numbers"))
    #expect(fault?.description.contains("--lr") == true && fault?.description.contains("--clip-norm") == true)
    // What was saved after the first epoch is still there, and from it the run goes on.
    #expect(try before == files() && before.count == 2)
    let report = try resumeFit(Self.task(), in: folder)
    #expect(report.summary?.epochs == 3)
    #expect(try Checkpoint.read(from: folder + "/best.h5").nonfinite.isEmpty)
  }

  /// The optimizer's state alone stops a run, too: it would spoil the weights later, or never change them again.
  @Test func theOptimizersStateCounts() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var steps = 0
    var hooks = TrainingHooks()
    hooks.transformGradients = {
      steps += 1
      // The square of such a gradient is infinite, and the step that Adam takes is 0.
      return steps == 16 ? $0.scaled(by: 1e30) : $0
    }
    let fault = #expect(throws: TrainingFault.self) { try fit(Self.task(), Self.options, in: folder, hooks: hooks) }
    guard case .notFinite(let tensor, epoch: 2, step: 16)? = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(tensor.contains("of the optimizer"))
  }

  @Test func nothingIsBegunFromWeightsThatAreNotFinite() throws {
    let model = FitTests.curve()
    model.last.weight.assign(Tensor([1, 2, .nan, 4, 5, 6, 7, .infinity], shape: [1, 8]))
    let fault = #expect(throws: TrainingFault.self) { try fit(Self.task(model), Self.options, in: folder) }
    #expect(
      fault?.description
        == "'last.weight' (1 NaN, 1 infinite of 8 numbers): not finite before the first step; train from other weights")
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test func aTestLossThatIsNotFiniteIsAFault() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let inputs = { (points: [Float]) in TensorRows(Tensor(points, shape: [points.count, 1])) }
    let points = FitTests.points
    let data = DatasetParts(
      training: Examples(inputs(points), targets: points),
      test: Examples(inputs([0, 1]), targets: [0, .greatestFiniteMagnitude]))
    let task = SupervisedTask(FitTests.curve(), on: data, Self.options, items: "points")
    #expect(throws: TrainingFault.testLossNotFinite(loss: "inf")) { try fit(task, Self.options, in: folder) }
    #expect(try Checkpoint.read(from: folder + "/best.h5").nonfinite.isEmpty)
  }
}
