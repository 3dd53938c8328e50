import AviaryDiagnostics
import AviaryTensors
import Dispatch

/// Photographs of one step, ready for the network.
public struct ImageBatch: Sendable {
  /// A photograph that could not be decoded.
  public struct Skipped: Sendable, Equatable {
    public let path: String
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
  public let skipped: [Skipped]
}

/// The batches of one epoch, in order, decoded and augmented ahead of time by threads of their own.
///
/// What is in a batch depends on the entries, the seed, the epoch and the number of the batch, and on nothing else: not
/// on the number of workers, not on where the epoch was entered, not on files that cannot be decoded. Those are left out
/// of their batch and named; a batch of nothing else is passed over, its names going to the next one or `skipped`.
public final class ImageBatches {
  private let queue: PrefetchQueue
  private let chunks: ImageChunks
  private let batchCount: Int
  private var nextBatch: Int
  private var pending: [ImageBatch.Skipped] = []
  /// Every photograph that could not be decoded so far.
  public private(set) var skipped: [ImageBatch.Skipped] = []

  /// - Parameters:
  ///   - augmentation: random changes for training; nil prepares the photographs as for evaluation.
  ///   - seed: of the augmentation and the order.
  ///   - shuffled: whether the order is random; otherwise that of the entries.
  ///   - startingAt: the number of the first batch, to go on within an epoch.
  ///   - workers: decoding threads.
  ///   - dropLast: whether a last batch that is not full is left out.
  /// - Precondition: the batch size and the number of workers are positive.
  public init(
    _ entries: [ImageEntry], preprocessing: Preprocessing, augmentation: Augmentation? = nil, batchSize: Int,
    seed: UInt64 = 0, shuffled: Bool = false, epoch: Int = 0, startingAt firstBatch: Int = 0, workers: Int = 1,
    dropLast: Bool = false
  ) throws(PreprocessingFault) {
    ensure(batchSize > 0 && workers > 0 && firstBatch >= 0, "ImageBatches: sizes and counts are positive")
    guard let size = try preprocessing.validated().outputSize else { throw .noFixedSize }
    chunks = ImageChunks(
      entries: entries, preprocessing: preprocessing, size: size, augmentation: augmentation, seed: seed,
      epoch: epoch, isShuffled: shuffled, batchSize: batchSize)
    batchCount = dropLast ? entries.count / batchSize : (entries.count + batchSize - 1) / batchSize
    nextBatch = firstBatch
    let chunks = chunks
    queue = PrefetchQueue(
      tasks: chunks.tasks(batches: min(firstBatch, batchCount)..<batchCount), workers: workers,
      capacity: 2 * max(chunks.chunksPerBatch, workers)
    ) { chunks.load($0) }
  }

  /// The number of batches of the whole epoch.
  public var count: Int { batchCount }

  /// The next batch, when it is ready; nil at the end of the epoch.
  public func next() -> ImageBatch? {
    while nextBatch < batchCount {
      let number = nextBatch
      nextBatch += 1
      var parts: [ImageChunk] = []
      for _ in 0..<chunks.chunkCount(ofBatch: number) {
        if let part = queue.next() { parts.append(part) }
      }
      let faults = parts.flatMap(\.skipped)
      skipped += faults
      pending += faults
      let indices = parts.flatMap(\.indices)
      if indices.isEmpty { continue }
      defer { pending = [] }
      return ImageBatch(
        number: number,
        inputs: Tensor(joining: parts.flatMap(\.planes), shape: [indices.count] + chunks.imageShape),
        labels: IntTensor(indices.map { Int32(chunks.entries[$0].label) }, shape: [indices.count]),
        indices: indices, skipped: pending)
    }
    return nil
  }

  /// Ends the workers; what they are decoding is thrown away. Letting go of the batches does the same.
  public func stop() { queue.stop() }

  deinit { queue.stop() }
}
