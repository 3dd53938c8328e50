import AviaryDatasets
import AviaryLayers
import AviaryTensors
import Testing

@testable import AviaryTraining

/// Steps that several processes make together are those of one with the same batches.
@Suite struct SharedStepTests {
  private struct Net: UnaryLayer {
    let hidden = Linear(3, 8)
    let dropout = Dropout(0.3)
    let fc = Linear(8, 2)
    /// Nothing depends on it.
    let unused = Linear(2, 2)
    func forward(_ x: Tensor) -> Tensor { fc(dropout(tanh(hidden(x)))) }
  }

  private struct Normed: UnaryLayer {
    let hidden = Linear(3, 8)
    let norm = BatchNorm(8)
    let fc = Linear(8, 2)
    func forward(_ x: Tensor) -> Tensor { fc(relu(norm(hidden(x)))) }
  }

  private static func options(accumulation: Int = 1, weights: Bool = false) -> TrainingOptions {
    var options = TrainingOptions(
      epochs: 1, optimizer: OptimizerConfiguration(.adam, learningRate: 0.05, weightDecay: 0.1), workers: 1)
    options.batchSize = 7
    options.learning.accumulation = accumulation
    if weights { options.classes.weights = .balanced }
    return options
  }

  /// The weights and losses after an epoch of 23 rows of three numbers with two classes: three batches of 7, and one of 2.
  private static func learn(
    _ model: some UnaryLayer, _ options: TrainingOptions, _ group: any ProcessGroup
  ) throws -> [[Float]] {
    model.initialize(seed: 1)
    let rows = TensorRows(Tensor(normal: 0, deviation: 1, seed: 4, shape: [23, 3]))
    let data = DatasetParts(training: Examples(rows, labels: (0..<23).map { $0 % 3 == 0 ? 1 : 0 }))
    let task = SupervisedTask(model, on: data, options)
    let place = ProcessPlace(group: group, synchronizesStatistics: false)
    #expect(task.join(place))
    if let classes = task.trainingClasses { task.learn(try ClassLearning(options, classes)) }
    let step = SharedStep(
      task, place, optimizer: try Optimizer(options.optimizer, groups: [], for: model), seed: 5, bucketBytes: 60)
    step.agreeOnWeights()
    step.beginEpoch(atBatch: 0)
    var losses: [Float] = []
    let accumulation = options.learning.accumulation
    for (number, batches) in BatchGroups(try task.batches(epoch: 0, startingAt: 0), size: accumulation).enumerated() {
      let result = try step.learn(batches, learningRate: 0.05, key: number * accumulation, nil)
      losses += [Float(result.loss), Float(result.correct ?? -1), Float(result.count)]
    }
    try task.checkBatches()
    return model.parameters.map { $0.tensor.scalars } + model.buffers.map { $0.tensor.scalars } + [losses]
  }

  private func expectEqual(_ a: [[Float]], _ b: [[Float]], sourceLocation: SourceLocation = #_sourceLocation) {
    for (a, b) in zip(a, b) {
      #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 2e-5 * max(1, abs($0)) }, sourceLocation: sourceLocation)
    }
  }

  /// Dropout, weight decay and parameters without gradients included; one process has nothing of the last batch.
  @Test(arguments: [2, 3], [(1, false), (1, true), (2, true)])
  func stepsOfSeveralAreThoseOfOne(count: Int, _ setting: (accumulation: Int, weights: Bool)) throws {
    func run(_ count: Int) throws -> [[[Float]]] {
      try ThreadGroup.run(count) { group in
        try Self.learn(
          Net(), Self.options(accumulation: setting.accumulation, weights: setting.weights), group)
      }
    }
    let (one, several) = (try run(1), try run(count))
    #expect(several.allSatisfy { $0 == several[0] })
    expectEqual(one[0], several[0])
    #expect(try run(count) == several)
  }

  /// Each normalises its own part, and all have the mean of the running statistics; nobody learns from one row.
  @Test func statisticsAreTheSameEverywhere() throws {
    let several = try ThreadGroup.run(3) { try Self.learn(Normed(), Self.options(), $0) }
    #expect(several.allSatisfy { $0 == several[0] })
    #expect(several[0].last?.suffix(1) == [2])
  }

  @Test(arguments: [1, 2, 5, 8], [1, 2]) func sharesMakeTheBatch(count: Int, least: Int) {
    for size in 0...17 {
      let batch = 30..<30 + size
      let parts = (0..<count).map { BatchShare(rank: $0, of: count, least: least).part(of: batch) }
      #expect(parts.flatMap(Array.init) == Array(batch))
      let sizes = parts.map(\.count).filter { $0 > 0 }
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
      if size >= least { #expect(sizes.allSatisfy { $0 >= least }) }
    }
  }

  /// Buckets set off in one order, whatever the size, and the sums do not depend on it.
  @Test func wholeBatchesAreDealtOut() throws {
    let dealt = try ThreadGroup.run(3) { [$0.dealt(23, batchSize: 4), [$0.turns(23, batchSize: 4)]] }
    #expect(dealt[0][0] == [0, 1, 2, 3, 12, 13, 14, 15])
    #expect(dealt[2][0] == [8, 9, 10, 11, 20, 21, 22])
    #expect(dealt.map { $0[1] } == [[2], [2], [2]])
    #expect(dealt.flatMap { $0[0] }.sorted() == Array(0..<23))
  }

  @Test func anotherCountOfProcessesIsRefused() throws {
    var options = Self.options()
    options.processes = ProcessOptions(count: 4)
    let model = Net()
    model.initialize(seed: 1)
    let rows = TensorRows(Tensor(zeros: [4, 3]))
    let task = SupervisedTask(model, on: DatasetParts(training: Examples(rows, labels: [0, 1, 0, 1])), options)
    #expect(throws: TrainingFault.otherProcesses(begun: 4, now: 1)) {
      try fit(task, options, in: "/tmp/aviary-never-written")
    }
  }
}
