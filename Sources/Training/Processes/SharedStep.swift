import AviaryLayers
import AviaryTensors

/// The steps of a run that several processes make together: each learns from its part of every batch, and the gradients
/// add up to those of the whole batch.
final class SharedStep<Task: TrainingTask> {
  private let task: Task
  private let place: ProcessPlace
  private let parameters: [Parameter]
  private let statistics: [Buffer]
  private let counters: [Counter]
  private let optimizer: Optimizer
  private let seed: UInt64
  private let buckets: GradientBuckets
  /// The number of the next batch in its epoch.
  private var nextBatch = 0
  /// Whether any process was asked to stop, as all know it since the last step.
  private(set) var isInterrupted = false

  /// Whether the state is to be saved after this step, as all know.
  private(set) var isSavingDue = false
  /// The longest time between two saved states, in seconds, on the clock of the process that writes.
  var saveInterval = 60.0
  private var savedAt = secondsOnAClock()
  /// Whether this process is asked to stop.
  var isAsked: () -> Bool = { Interruption.isRequestedHere }

  private var group: any ProcessGroup { place.group }

  /// The state was saved just now.
  func hasSaved() { savedAt = secondsOnAClock() }

  init(_ task: Task, _ place: ProcessPlace, optimizer: Optimizer, seed: UInt64, bucketBytes: Int) {
    self.task = task
    self.place = place
    self.optimizer = optimizer
    self.seed = seed
    let cells = task.model.inventory.cells.map(\.cell)
    parameters = task.model.parameters
    statistics = cells.compactMap { $0 as? Buffer }
    counters = cells.compactMap { $0 as? Counter }
    buckets = GradientBuckets(place.group, bytes: bucketBytes)
  }

  /// Gives every process the weights of the first, whatever it has begun with.
  func agreeOnWeights() {
    for parameter in parameters {
      parameter.assign(Tensor(agreed(parameter.tensor.scalars), shape: parameter.shape))
    }
    for buffer in statistics { buffer.assign(Tensor(agreed(buffer.tensor.scalars), shape: buffer.shape)) }
  }

  private func agreed(_ values: [Float]) -> [Float] {
    group.beginSum(group.isWriter ? values : Array(repeating: 0, count: values.count)).wait()
  }

  /// An epoch begins, at a batch that is not always its first.
  func beginEpoch(atBatch number: Int) { nextBatch = number }

  /// What the processes know of the batches of a step before they learn from it.
  private struct Batches {
    /// By process and batch.
    let counts: [[Double]]
    let weights: [[Double]]

    func count(_ batch: Int) -> Double { counts.reduce(0) { $0 + $1[batch] } }
    func weight(_ batch: Int) -> Double { weights.reduce(0) { $0 + $1[batch] } }
    /// How many items of the batch come before those of a process.
    func first(_ batch: Int, rank: Int) -> Int { Int(counts.prefix(rank).reduce(0) { $0 + $1[batch] }) }
  }

  private func look(at batches: [Task.Batches.Element]) -> Batches {
    let isOwn = batches.indices.map { task.ownCount(ofBatch: nextBatch + $0) > 0 }
    nextBatch += batches.count
    let counts = zip(batches, isOwn).map { $1 ? Double(task.count($0)) : 0 }
    let weights = zip(batches, counts).map { $1 > 0 ? task.lossWeight($0) : 0 }
    let isDue = group.isWriter && secondsOnAClock() - savedAt >= saveInterval
    let all = group.gather(counts + weights + [isAsked() ? 1 : 0, isDue ? 1 : 0])
    isInterrupted = all.contains { $0[2 * batches.count] > 0 }
    isSavingDue = all[0][2 * batches.count + 1] > 0
    return Batches(
      counts: all.map { Array($0.prefix(batches.count)) },
      weights: all.map { Array($0[batches.count..<2 * batches.count]) })
  }

  /// One step of the optimizer along the mean gradients of all items of the batches.
  ///
  /// - Parameters:
  ///   - key: of the random numbers of the first batch.
  ///   - transform: what is done to the gradients of the whole, the same in every process.
  func learn(
    _ batches: [Task.Batches.Element], learningRate: Double, key: Int, _ transform: GradientTransform?
  ) throws -> StepResult {
    let known = look(at: batches)
    // One item has no statistics, whoever has it.
    let needed: Double = task.model.learnsFromStatistics ? 2 : 1
    let learned = batches.indices.filter { known.count($0) >= needed && known.weight($0) > 0 }
    guard let last = learned.last else { return StepResult(loss: 0, correct: 0, count: 0) }
    let total = learned.reduce(0) { $0 + known.count($1) }
    let totalWeight = learned.reduce(0) { $0 + known.weight($1) }
    var earlier = Gradients()
    var (loss, correct, isCounted) = (0.0, 0, true)
    for number in learned {
      if number == last { buckets.begin(parameters.filter { !$0.isFrozen }, earlier: earlier) }
      let count = known.counts[group.rank][number]
      // Where batches are normalised together every process passes something, whether it has a part or not.
      guard count > 0 || place.synchronizesStatistics else { continue }
      let share = Float(known.weights[group.rank][number] / totalWeight)
      let noise = Noise(seed: seed, step: UInt64(key + number))
      let (part, gradients, outputs) = try sharing(pass(known, number, isLast: number == last)) {
        try valueWithGradients(of: parameters, noise: noise) {
          let (loss, outputs) = try task.loss(batches[number], step: key + number)
          return (loss * share, outputs)
        }
      }
      if number != last { earlier = inference { earlier + gradients } }
      guard count > 0 else { continue }
      loss += Double(part.scalar)
      if let right = task.correct(outputs, batches[number]) { correct += right } else { isCounted = false }
    }
    buckets.sendRest()
    let averages = beginStatistics(known, learned, total)
    let results = group.gather([loss, Double(correct), isCounted ? 1 : 0])
    finishStatistics(averages, known, learned)
    let gradients = buckets.finish()
    optimizer.step(parameters, try transform?(gradients) ?? gradients, learningRate: learningRate)
    return StepResult(
      loss: results.reduce(0) { $0 + $1[0] },
      correct: results.contains { $0[2] == 0 } ? nil : Int(results.reduce(0) { $0 + $1[1] }), count: Int(total))
  }

  private func pass(_ known: Batches, _ batch: Int, isLast: Bool) -> PassShare {
    let count = Int(known.counts[group.rank][batch])
    // A pass over everything draws what one process would.
    let isWhole = !task.passesOwnItems
    var share = PassShare(
      first: isWhole ? 0 : known.first(batch, rank: group.rank), count: isWhole ? 1 : max(1, count), rank: group.rank)
    share.isStandIn = count == 0
    if place.synchronizesStatistics, !isWhole { share.sum = { [group] in group.sum($0) } }
    if isLast { share.gradientIsFinal = { [buckets] in buckets.isFinal($0, $1) } }
    return share
  }

  // MARK: Running statistics

  /// Where each process normalises its own part, the running statistics become the means of all, weighted by items: as if each
  /// were followed by itself. So all processes have the same model after each step.
  private func beginStatistics(_ known: Batches, _ learned: [Int], _ total: Double) -> (any GroupSum)? {
    guard task.model.learnsFromStatistics, !place.synchronizesStatistics, task.passesOwnItems else { return nil }
    let own = learned.reduce(0) { $0 + known.counts[group.rank][$1] }
    return group.beginSum(gathered.flatMap { $0.tensor.scalars.map { $0 * Float(own / total) } })
  }

  private var gathered: [Buffer] { statistics.filter { $0.isGathered && !$0.isFrozen } }

  private func finishStatistics(_ sum: (any GroupSum)?, _ known: Batches, _ learned: [Int]) {
    guard let sum else { return }
    let values = sum.wait()
    var start = 0
    for buffer in gathered {
      let count = buffer.shape.reduce(1, *)
      buffer.assign(Tensor(Array(values[start..<start + count]), shape: buffer.shape))
      start += count
    }
    // A process without items has counted no batch.
    guard known.counts.contains(where: { counts in learned.contains { counts[$0] == 0 } }) else { return }
    let counts = group.gather(counters.map { Double($0.value) })
    for (number, counter) in counters.enumerated() {
      counter.value = Int64(counts.map { $0[number] }.max() ?? 0)
    }
  }

  /// The means of running statistics that every process has estimated from its parts of batches.
  func averageStatistics() {
    let values = gathered.flatMap { $0.tensor.scalars.map { $0 / Float(group.count) } }
    let sum = group.beginSum(values).wait()
    var start = 0
    for buffer in gathered {
      let count = buffer.shape.reduce(1, *)
      buffer.assign(Tensor(Array(sum[start..<start + count]), shape: buffer.shape))
      start += count
    }
  }
}
