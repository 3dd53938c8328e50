import AviaryDiagnostics
import AviaryTensors

/// Images of one step, ready for the network.
public struct ImageBatch: Sendable {
  /// An image that could not be decoded.
  public struct Skipped: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// Why.
    public let reason: ImageDecodingFault
  }

  /// The number of the batch in its epoch, from 0, counted before unreadable ones are passed over.
  public let number: Int
  /// [N, channels, H, W]
  public let inputs: Tensor
  /// [N], positions in the list of classes.
  public let labels: IntTensor
  /// [N], positions in the list of entries.
  public let indices: [Int]
  /// Images that could not be read.
  public let skipped: [Skipped]
}

/// The batches of one epoch of images, in order, decoded and augmented ahead of time: a `DataLoader` that passes over what
/// cannot be decoded.
///
/// What is in a batch depends on the entries, the seed, the epoch and the number of the batch, and on nothing else. Images
/// that cannot be decoded are left out of their batch and named; a batch of nothing else is passed over, its names going to
/// the next one or `skipped`.
public final class ImageBatches {
  private let loader: DataLoader<PreparedImages>
  private var nextBatch: Int
  private var pending: [ImageBatch.Skipped] = []
  /// Every image that could not be decoded so far.
  public private(set) var skipped: [ImageBatch.Skipped] = []

  /// - Parameters:
  ///   - augmentation: random changes for training; nil prepares the images as for evaluation.
  ///   - seed: of the augmentation and the order.
  ///   - shuffled: whether the order is random; otherwise that of the entries.
  ///   - startingAt: the number of the first batch, to continue within an epoch.
  ///   - workers: decoding threads.
  ///   - dropLast: whether a last batch that is not full is left out.
  /// - Precondition: the batch size and the number of workers are positive.
  public init(
    _ entries: [ImageEntry], preprocessing: Preprocessing, augmentation: Augmentation? = nil, batchSize: Int,
    seed: UInt64 = 0, shuffled: Bool = false, epoch: Int = 0, startingAt firstBatch: Int = 0, workers: Int = 1,
    dropLast: Bool = false
  ) throws(PreprocessingFault) {
    ensure(workers > 0, "ImageBatches: \(workers) workers")
    loader = DataLoader(
      try PreparedImages(entries, preprocessing: preprocessing, augmentation: augmentation, seed: seed),
      batchSize: batchSize, seed: seed, shuffled: shuffled, epoch: epoch, startingAt: firstBatch, workers: workers,
      dropLast: dropLast, purpose: "image order")
    nextBatch = firstBatch
  }

  /// The number of batches of the whole epoch.
  public var count: Int { loader.count }

  /// The next batch, when it is ready; nil at the end of the epoch.
  public func next() -> ImageBatch? {
    while let batch = loader.next() {
      let number = nextBatch
      nextBatch += 1
      skipped += batch.skipped
      pending += batch.skipped
      guard let inputs = batch.inputs else { continue }
      defer { pending = [] }
      return ImageBatch(
        number: number, inputs: inputs, labels: batch.labels, indices: batch.indices, skipped: pending)
    }
    return nil
  }

  /// Ends the workers; what they are decoding is discarded. Letting go of the batches does the same.
  public func stop() { loader.stop() }
}
