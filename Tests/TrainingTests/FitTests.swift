import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// The run with a model, data and a step of one's own.
@Suite struct FitTests {
  /// No `Network`: nothing but layers.
  struct Curve: UnaryLayer {
    let first = Linear(1, 8)
    let last = Linear(8, 1)
    func forward(_ x: consuming Tensor) -> Tensor { last(tanh(first(x))) }
  }

  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-fit-\(UUID())").path

  static let points: [Float] = (0..<60).map { Float($0) / 30 - 1 }

  static func data() throws -> DatasetParts<Subset<Examples<TensorRows>>> {
    let inputs = TensorRows(Tensor(points, shape: [60, 1]))
    return try DatasetParts(
      splitting: Examples(inputs, targets: points.map { $0 * $0 }), validation: 0.2, test: 0.1, seed: 2)
  }

  static func curve() -> Curve {
    let model = Curve()
    model.initialize(seed: 3)
    return model
  }

  static func options(epochs: Int = 4) -> TrainingOptions {
    var options = TrainingOptions(
      epochs: epochs, optimizer: OptimizerConfiguration(.adam, learningRate: 0.02), schedule: .cosine())
    options.batchSize = 8
    options.weightAverageDecay = 0.9
    options.clipping = GradientClipping(norm: 1)
    options.groups = [ParameterGroup(["last"], learningRateScale: 2)]
    return options
  }

  static func task(_ model: Curve = curve(), metadata: Checkpoint.Metadata = .init()) throws -> some TrainingTask {
    SupervisedTask(model, on: try data(), options(), items: "points", metadata: metadata)
  }

  @Test func ownModelsAreTrainedAndResumedBitForBit() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try fit(Self.task(), Self.options(), in: folder + "/whole")
    let summary = try #require(whole.summary)
    #expect(summary.epochs == 4 && summary.testAccuracy == nil && summary.items == "points")
    #expect(summary.parameters == 25 && summary.trainable == 25)
    var steps = 0
    var hooks = TrainingHooks()
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    // In the middle of an epoch, then at its end.
    for (round, stop) in [8, 12].enumerated() {
      hooks.isInterrupted = { steps == stop }
      let report =
        round == 0
        ? try fit(Self.task(), Self.options(), in: folder + "/stopped", hooks: hooks)
        : try resumeFit(Self.task(), in: folder + "/stopped", hooks: hooks)
      #expect(report.interrupted && report.summary == nil)
    }
    let resumed = try #require(try resumeFit(Self.task(), in: folder + "/stopped").summary)
    #expect(resumed.testLoss == summary.testLoss && resumed.bestLoss == summary.bestLoss)
    try expectSameRuns(folder + "/whole", folder + "/stopped", least: 4)
    #expect(throws: RunFault.alreadyExists(path: folder + "/whole")) {
      try fit(Self.task(), Self.options(), in: folder + "/whole")
    }
  }

  @Test func otherDataAreRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var metadata = Checkpoint.Metadata()
    metadata.extra[DataFingerprint.key] = "1"
    _ = try fit(Self.task(metadata: metadata), Self.options(epochs: 1), in: folder)
    metadata.extra[DataFingerprint.key] = "2"
    #expect(throws: TrainingFault.unusableState(reason: "the data has changed since")) {
      try resumeFit(Self.task(metadata: metadata), in: folder)
    }
  }

  @Test func whatIsFrozenInTheModelStaysFrozen() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = Self.curve()
    try model.freeze(["first"])
    let before = model.first.weight.tensor.scalars
    var options = Self.options(epochs: 1)
    options.groups = []
    let summary = try #require(try fit(Self.task(model), options, in: folder).summary)
    #expect(summary.trainable == 9 && model.first.weight.tensor.scalars == before)
    let again = Self.curve()
    _ = try resumeFit(Self.task(again), in: folder)
    #expect(again.first.weight.isFrozen && !again.last.weight.isFrozen)
  }

  @Test func theHookIsBetweenGradientsAndOptimizer() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = Self.curve()
    let before = model.parameters.map(\.tensor.scalars)
    var hooks = TrainingHooks()
    var calls = 0
    hooks.transformGradients = { gradients in
      calls += 1
      #expect(gradients.parameters.count == 4)
      // Only the first parameter is left a gradient.
      return gradients.mapParameters { parameter, gradient in parameter === model.first.weight ? gradient : nil }
    }
    _ = try fit(Self.task(model), Self.options(epochs: 1), in: folder, hooks: hooks)
    #expect(calls == 6)
    let same = zip(before, model.parameters.map(\.tensor.scalars)).map { $0 == $1 }
    #expect(same == [false, true, true, true])
  }

  /// Two models that learn against each other, with a step of their own and one optimizer.
  struct Duel: TrainingTask {
    struct Pair: Layer {
      let maker = Linear(2, 2)
      let judge = Linear(2, 1)
    }

    let model: Pair
    var batchesPerEpoch: Int { 5 }
    func batches(epoch: Int, startingAt start: Int) -> Range<Int> { min(start, 5)..<5 }
    func count(_ batch: Int) -> Int { 4 }

    func noise(_ step: Int) -> Tensor {
      Tensor(
        normal: 0, deviation: 1, stream: RandomStream(seed: 1, purpose: "noise", step: UInt64(step)), shape: [4, 2])
    }

    func loss(_ batch: Int, step number: Int) -> (loss: Tensor, outputs: Tensor) {
      let judged = model.judge(model.maker(noise(number)))
      return (meanSquaredError(judged, target: Tensor(ones: [4, 1])), judged)
    }

    func step(_ batch: Int, _ step: TrainingStep) throws -> StepResult {
      let (judging, first) = valueWithGradients(of: model.judge.parameters, noise: step.noise) {
        meanSquaredError(model.judge(model.maker(noise(step.number))), target: Tensor(zeros: [4, 1]))
      }
      try step.update(first, of: model.judge.parameters)
      let (_, second) = valueWithGradients(of: model.maker.parameters, noise: step.noise) {
        loss(batch, step: step.number).loss
      }
      try step.update(second, of: model.maker.parameters)
      return StepResult(loss: Double(judging.scalar), count: 4)
    }
  }

  @Test func aStepOfOnesOwnIsResumedBitForBit() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func task() -> Duel {
      let model = Duel.Pair()
      model.initialize(seed: 4)
      return Duel(model: model)
    }
    var options = Self.options(epochs: 3)
    options.groups = []
    _ = try fit(task(), options, in: folder + "/whole")
    var steps = 0
    var hooks = TrainingHooks()
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    hooks.isInterrupted = { steps == 7 }
    #expect(try fit(task(), options, in: folder + "/stopped", hooks: hooks).interrupted)
    #expect(try resumeFit(task(), in: folder + "/stopped").summary?.epochs == 3)
    try expectSameRuns(folder + "/whole", folder + "/stopped", least: 4)
    let state = try #require(try Checkpoint.read(from: folder + "/whole/last.h5").trainingState)
    #expect(state.optimizer["judge.weight"]?.step == 15 && state.optimizer["maker.weight"]?.step == 15)
  }

  /// Data that cannot be read ends the run, whatever thread meets them.
  struct Broken: Dataset {
    struct Fault: Error, Equatable {}
    let count = 12
    func item(at place: Int, epoch: Int) throws -> Float {
      if epoch == 1, place == 7 { throw Fault() }
      return Float(place)
    }
    func batch(of items: [Float]) -> LabeledBatch<Tensor> {
      LabeledBatch(
        Tensor(items.map { $0 / 12 }, shape: [items.count, 1]), .numbers(Tensor(items, shape: [items.count, 1])))
    }
  }

  @Test(arguments: [0, 2]) func unreadableDataEndTheRun(workers: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = Self.options(epochs: 3)
    options.batchSize = 4
    let task = SupervisedTask(
      Self.curve(), on: DatasetParts(training: Broken()), options, workers: workers)
    #expect(throws: Broken.Fault()) { try fit(task, options, in: folder) }
    #expect(try Checkpoint.read(from: folder + "/last.h5").trainingState != nil, "what was saved last stays")
  }
}
