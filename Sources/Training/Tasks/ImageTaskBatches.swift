import AviaryDatasets
import AviaryTensors

/// A batch of images, or of features computed from them before.
struct ImageTaskBatch {
  /// [N, C, H, W], or [N, F].
  let inputs: Tensor?
  let labels: IntTensor
  /// Whether the inputs are what the frozen beginning of the network has made of images: see `PrefixFeatures`.
  var isPrefix = false
  /// Whether it stands in for no image of a process's share.
  var isStandIn = false

  var count: Int { labels.scalars.count }

  /// A batch without a readable image.
  static let empty = ImageTaskBatch(inputs: nil, labels: IntTensor([]))
}

/// The batches of one pass over a set of images. A batch that cannot be read at all is empty, so that batches keep their
/// numbers.
struct ImageTaskBatches: Sequence, IteratorProtocol {
  private let source: () -> ImageTaskBatch?

  init(_ source: @escaping () -> ImageTaskBatch?) { self.source = source }

  /// - Parameters:
  ///   - tally: counts what could be read, and ends the batches where too much could not.
  ///   - skipped: is told of images that could not be read, as they are met.
  init(
    _ images: DataLoader<PreparedImages>, tally: ReadingTally? = nil,
    skipped: @escaping ([ImageBatch.Skipped]) -> Void
  ) {
    source = {
      guard let batch = images.next() else { return nil }
      if !batch.skipped.isEmpty { skipped(batch.skipped) }
      tally?.add(labels: batch.labels.scalars)
      for image in batch.skipped { tally?.addSkipped(image.path, "\(image.reason)") }
      if tally?.isBeyondLimit == true {
        images.stop()
        return nil
      }
      return ImageTaskBatch(inputs: batch.inputs, labels: batch.labels)
    }
  }

  /// Batches of features in the order given, which is one of images: those that could not be read are left out, so that
  /// a batch has what it would have as a batch of images.
  init(_ features: FeatureSet, order: [Int], batchSize: Int, startingAt first: Int) {
    let rows = Dictionary(uniqueKeysWithValues: zip(features.indices, features.indices.indices))
    var next = first
    source = {
      guard next * batchSize < order.count else { return nil }
      let images = order[next * batchSize..<Swift.min(order.count, (next + 1) * batchSize)]
      next += 1
      let present = images.compactMap { rows[$0] }
      return present.isEmpty ? .empty : features.batch(present)
    }
  }

  func next() -> ImageTaskBatch? { source() }
}
