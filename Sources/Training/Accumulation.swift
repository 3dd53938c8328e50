import AviaryLayers
import AviaryTensors

/// The batches of each step of a run: one, or as many as are accumulated, fewer at the end of an epoch.
struct BatchGroups<Batches: Sequence>: Sequence, IteratorProtocol {
  private var batches: Batches.Iterator
  private let size: Int

  init(_ batches: Batches, size: Int) {
    self.batches = batches.makeIterator()
    self.size = size
  }

  mutating func next() -> [Batches.Element]? {
    var group: [Batches.Element] = []
    while group.count < size, let batch = batches.next() { group.append(batch) }
    return group.isEmpty ? nil : group
  }
}

/// The gradients of the batches of one step, which become those of one batch with all of their items.
final class GradientSum {
  /// Of each update that a batch makes, for tasks that make several.
  private var sums: [Gradients] = []
  /// The share of the current batch in what the mean over the step's items is divided by: that of its items, or of their
  /// classes' weights.
  private var share: Float = 1
  private var isLast = false
  private var update = 0
  private let transform: GradientTransform?

  /// - Parameter transform: what is done to the mean, before the optimizer.
  init(_ transform: GradientTransform?) { self.transform = transform }

  /// A batch begins.
  func begin(share: Float, isLast: Bool) {
    (self.share, self.isLast, update) = (share, isLast, 0)
  }

  /// Adds the gradients of a batch; what the optimizer is given is the mean after the last one, and nothing before.
  func collect(_ gradients: Gradients) throws -> Gradients {
    let own = inference { gradients.scaled(by: share) }
    if update < sums.count { sums[update] = inference { sums[update] + own } } else { sums.append(own) }
    let sum = sums[update]
    update += 1
    guard isLast else { return Gradients() }
    return try transform?(sum) ?? sum
  }
}

extension StepResult {
  /// What the batches of one step are together.
  ///
  /// - Parameter weights: what the mean loss of each was divided by.
  init(_ parts: [StepResult], weights: [Double]) {
    let count = parts.reduce(0) { $0 + $1.count }
    let counted = parts.filter { $0.count > 0 }
    let correct = counted.contains { $0.correct == nil } ? nil : counted.reduce(0) { $0 + ($1.correct ?? 0) }
    let sum = zip(parts, weights).reduce(0.0) { $0 + $1.0.loss * $1.1 }
    let total = weights.reduce(0, +)
    self.init(
      loss: total > 0 ? sum / total : parts.first?.loss ?? 0,
      correct: counted.isEmpty ? parts.first?.correct : correct,
      count: count)
  }
}
