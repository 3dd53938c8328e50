import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Steps along the gradients of several batches, and what else the settings of learning change.
@Suite struct AccumulationTests {
  private struct Line: UnaryLayer {
    let hidden = Linear(3, 4)
    let fc = Linear(4, 2)
    func forward(_ x: Tensor) -> Tensor { fc(tanh(hidden(x))) }
  }

  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-sum-\(UUID().uuidString)")
    .path

  private func options(batch: Int, accumulation: Int, epochs: Int = 2) -> TrainingOptions {
    var options = TrainingOptions(
      epochs: epochs, optimizer: OptimizerConfiguration(.momentum, learningRate: 0.1), schedule: .cosine(), workers: 1)
    options.batchSize = batch
    options.learning.accumulation = accumulation
    return options
  }

  /// 22 rows of three numbers with two classes.
  private func task(
    _ options: TrainingOptions, seed: UInt64 = 1, labels: [Int32] = (0..<22).map { Int32($0 % 2) }
  ) -> SupervisedTask<Line, Examples<TensorRows>, Tensor> {
    let rows = TensorRows(Tensor(normal: 0, deviation: 1, seed: 4, shape: [22, 3]))
    let model = Line()
    model.initialize(seed: seed)
    return SupervisedTask(
      model, on: DatasetParts(training: Examples(rows, labels: labels)), options)
  }

  @discardableResult
  private func run(
    _ options: TrainingOptions, _ name: String, interruptingAfter steps: Int? = nil
  ) throws -> [[Float]] {
    let task = task(options)
    var hooks = TrainingHooks()
    var taken = 0
    hooks.observe = { if case .stepped = $0 { taken += 1 } }
    hooks.isInterrupted = { steps.map { taken >= $0 } ?? false }
    _ = try fit(task, options, in: folder + "/" + name, hooks: hooks)
    return task.model.parameters.map { $0.tensor.scalars }
  }

  private func expectClose(_ a: [[Float]], _ b: [[Float]], _ tolerance: Float = 1e-6) {
    for (x, y) in zip(a.joined(), b.joined()) { #expect(abs(x - y) < tolerance) }
  }

  @Test func equalsTheLargerBatch() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // 22 rows: of batches of 8, the last has 6; of four batches of 2, the last step has three.
    let whole = try run(options(batch: 8, accumulation: 1), "whole")
    for (batch, count) in [(4, 2), (2, 4), (1, 8)] {
      expectClose(try run(options(batch: batch, accumulation: count), "parts\(count)"), whole)
    }
    // Batches of 3 make steps of 9, 9 and 4 rows.
    expectClose(
      try run(options(batch: 3, accumulation: 3), "threes"), try run(options(batch: 9, accumulation: 1), "nines"))
    // More than there are: one step an epoch.
    expectClose(
      try run(options(batch: 4, accumulation: 50), "all"), try run(options(batch: 22, accumulation: 1), "full"))
  }

  /// As PyTorch's `CrossEntropyLoss(weight:)` of the whole batch: its mean is divided by the weights of all labels, of which
  /// the parts have different shares.
  @Test func weightedClassesAreThoseOfTheLargerBatch() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func run(_ batch: Int, _ count: Int, epochs: Int = 2) throws -> (weights: [[Float]], loss: Double) {
      var options = options(batch: batch, accumulation: count, epochs: epochs)
      options.classes.weights = .balanced
      // Unequally many of each class in the parts.
      let task = task(options, labels: (0..<22).map { $0 % 5 == 0 ? 1 : 0 })
      let name = "\(folder)/\(batch)-\(count)-\(epochs)"
      _ = try fit(task, options, in: name)
      let loss = try #require(try SavedRun(try RunFolder(resuming: name))).loop.history[0].training.loss
      return (task.model.parameters.map { $0.tensor.scalars }, loss)
    }
    let whole = try run(8, 1)
    for (batch, count) in [(4, 2), (2, 4), (1, 8)] {
      let parts = try run(batch, count)
      expectClose(parts.weights, whole.weights)
      #expect(abs(parts.loss - whole.loss) < 1e-6)
    }
  }

  /// A batch of classes that weigh nothing, whose mean is no number, is passed over, alone or among others.
  @Test(arguments: [(1, 1), (1, 3), (2, 1)]) func weightlessBatchesArePassedOver(batch: Int, count: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = options(batch: batch, accumulation: count)
    options.classes.weights = .given([.init("class 0", 0), .init("class 1", 2)])
    let task = task(options, labels: (0..<22).map { $0 % 5 == 0 ? 1 : 0 })
    let before = task.model.parameters.map { $0.tensor.scalars }
    _ = try fit(task, options, in: folder)
    let after = task.model.parameters.map { $0.tensor.scalars }
    #expect(after.joined().allSatisfy(\.isFinite) && zip(before, after).allSatisfy { $0 != $1 })
  }

  /// A range test takes the steps that the run will take.
  @Test func rangeTestsHaveTheStepsOfTheRun() throws {
    func test(_ batch: Int, _ count: Int, l1: Double = 0) throws -> LearningRateRange {
      var options = options(batch: batch, accumulation: count)
      options.learning.l1 = l1
      return try Session(task(options), options, TrainingHooks()).learningRates(LearningRateRange(0.01...0.1, steps: 9))
    }
    let whole = try test(8, 1)
    let parts = try test(2, 4)
    #expect(whole.points.count == 9 && parts.points.count == 9)
    for (a, b) in zip(whole.points, parts.points) { #expect(abs(a.loss - b.loss) < 1e-5) }
    let penalized = try test(8, 1, l1: 1)
    #expect(
      penalized.points.first?.loss == whole.points.first?.loss && penalized.points.last?.loss != whole.points.last?.loss
    )
  }

  @Test func clippingActsOnTheMean() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func clipped(_ batch: Int, _ count: Int, _ name: String) throws -> [[Float]] {
      var options = options(batch: batch, accumulation: count)
      options.clipping = GradientClipping(norm: 0.05)
      options.learning.l1 = 0.01
      return try run(options, name)
    }
    expectClose(try clipped(2, 4, "parts"), try clipped(8, 1, "whole"))
  }

  @Test func resumesBitForBit() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = options(batch: 3, accumulation: 2, epochs: 3)
    let whole = try run(options, "whole")
    for steps in [1, 4, 6] {
      try run(options, "cut\(steps)", interruptingAfter: steps)
      let again = task(options, seed: 99)
      _ = try resumeFit(again, in: folder + "/cut\(steps)")
      #expect(again.model.parameters.map { $0.tensor.scalars } == whole)
    }
  }

  @Test func stepsAndScoresAreThoseOfTheGroups() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try run(options(batch: 4, accumulation: 2), "run")
    let saved = try #require(try SavedRun(try RunFolder(resuming: folder + "/run")))
    #expect(saved.loop.globalStep == 2 * 3 && saved.loop.history.count == 2)
    #expect(
      StepResult([.init(loss: 1, correct: 1, count: 3), .init(loss: 2, correct: 2, count: 1)], weights: [3, 1])
        == StepResult(loss: 1.25, correct: 3, count: 4))
    #expect(
      StepResult([.init(loss: 0, correct: 0, count: 0)], weights: [0]) == StepResult(loss: 0, correct: 0, count: 0))
  }

  @Test func l1PullsWeightsToZero() throws {
    let parameter = Parameter(shape: [2, 2], initializer: .zeros)
    let bias = Parameter(shape: [2], initializer: .zeros)
    parameter.assign(Tensor([1, -2, 0, 0.5], shape: [2, 2]))
    bias.assign(Tensor([1, 1], shape: [2]))
    var settings = LearningSettings()
    #expect(settings.penalizing() == nil)
    settings.l1 = 0.25
    let (_, gradients) = valueWithGradients(of: [parameter, bias]) { parameter.tensor.sum() + bias.tensor.sum() }
    let changed = try #require(settings.penalizing())
    let found = try changed(gradients)
    #expect(found[parameter]?.scalars == [1.25, 0.75, 1, 1.25] && found[bias]?.scalars == [1, 1])
    // As the gradient of the penalty itself.
    let (_, whole) = valueWithGradients(of: [parameter, bias]) {
      parameter.tensor.sum() + bias.tensor.sum() + l1Penalty([parameter]) * 0.25
    }
    #expect(whole[parameter]?.scalars == found[parameter]?.scalars)
  }

  @Test func settingsAreRecordedAndOlderRunsHaveNone() throws {
    var options = options(batch: 4, accumulation: 2)
    options.learning.initializer = "he-normal"
    options.learning.dropBlock = DropBlockSettings(rate: 0.1, layers: ["layer4"])
    options.learning.loss = .quantile(0.9)
    let again = try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options))
    #expect(again.learning == options.learning)
    options.learning = LearningSettings()
    let text = String(decoding: try JSONEncoder().encode(options), as: UTF8.self)
    #expect(!text.contains("learning\"") && !text.contains("accumulation"))
    for change: (inout LearningSettings) -> Void in [
      { $0.accumulation = 0 }, { $0.l1 = -1 }, { $0.l1 = .infinity }, { $0.initializer = "he" },
      { $0.dropBlock = .init(rate: 1) }, { $0.dropBlock = .init(rate: 0.1, block: 0) },
      { $0.dropBlock = .init(rate: 0.1, layers: ["a..b"]) }, { $0.loss = .quantile(1) }, { $0.loss = .huber(delta: 0) },
    ] {
      var settings = LearningSettings()
      change(&settings)
      #expect(throws: (any Error).self) { try settings.validate() }
    }
  }

  @Test func lossesAreThoseOfTheirNames() {
    let (x, target) = (Tensor([0, 3], shape: [2]), Tensor([1, 1], shape: [2]))
    #expect(NumberLoss.absoluteError(x, target: target).scalar == 1.5)
    #expect(abs(NumberLoss.quantile(0.9)(x, target: target).scalar - (0.9 + 0.1 * 2) / 2) < 1e-6)
  }
}
