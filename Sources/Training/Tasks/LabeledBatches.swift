import AviaryDatasets
import AviaryTensors

/// A batch to learn from or to be judged by: images, or features computed from them before.
struct LabeledBatch {
  /// [N, C, H, W], or [N, F].
  let inputs: Tensor?
  let labels: IntTensor

  var count: Int { labels.scalars.count }

  /// A batch of which not one image could be read.
  static let empty = LabeledBatch(inputs: nil, labels: IntTensor([]))
}

/// The batches of one pass over a set of images, in order and without gaps: a batch that cannot be read at all is there,
/// and empty, so that batches keep their numbers.
struct LabeledBatches: Sequence, IteratorProtocol {
  private var number: Int
  private var ahead: LabeledBatch?
  private var aheadNumber = 0
  private let count: Int
  private let source: () -> (number: Int, batch: LabeledBatch)?

  private init(
    startingAt number: Int, count: Int, source: @escaping () -> (number: Int, batch: LabeledBatch)?
  ) {
    self.number = number
    self.count = count
    self.source = source
  }

  /// - Parameter skipped: is told of images that could not be read, of each once, as they are met.
  init(_ images: ImageBatches, startingAt number: Int, skipped: @escaping ([ImageBatch.Skipped]) -> Void) {
    var told = 0
    self.init(startingAt: number, count: images.count) {
      let found = images.next()
      if images.skipped.count > told { skipped(Array(images.skipped[told...])) }
      told = images.skipped.count
      guard let batch = found else { return nil }
      return (batch.number, LabeledBatch(inputs: batch.inputs, labels: batch.labels))
    }
  }

  /// Batches of features in the order given, which is one of images: those that could not be read are left out, so that
  /// a batch has what it would have as a batch of images.
  init(_ features: FeatureSet, order: [Int], batchSize: Int, startingAt number: Int) {
    let rows = Dictionary(uniqueKeysWithValues: zip(features.indices, features.indices.indices))
    var next = number
    self.init(startingAt: number, count: (order.count + batchSize - 1) / batchSize) {
      guard next * batchSize < order.count else { return nil }
      let images = order[next * batchSize..<Swift.min(order.count, (next + 1) * batchSize)]
      defer { next += 1 }
      let present = images.compactMap { rows[$0] }
      return (next, present.isEmpty ? .empty : features.batch(present))
    }
  }

  mutating func next() -> LabeledBatch? {
    guard number < count else { return nil }
    defer { number += 1 }
    if ahead == nil, let (found, batch) = source() {
      ahead = batch
      aheadNumber = found
    }
    if let batch = ahead, aheadNumber == number {
      ahead = nil
      return batch
    }
    return .empty
  }
}
