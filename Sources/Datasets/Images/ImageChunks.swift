import AviaryKernels

/// Some neighbouring photographs of a batch: what one worker prepares at a time.
struct ImageChunk: Sendable {
  /// Of each photograph, [channels, H, W].
  var planes: [Buffer] = []
  var indices: [Int] = []
  var skipped: [ImageBatch.Skipped] = []
}

/// Cuts an epoch into chunks and prepares them.
struct ImageChunks: Sendable {
  let entries: [ImageEntry]
  private let preprocessing: Preprocessing
  private let normalizer: Normalizer
  private let size: ImageSize
  private let augmentation: Augmentation?
  private let seed: UInt64
  private let epoch: Int
  private let batchSize: Int
  /// The entries in the order of the epoch.
  private let order: [Int]

  /// Small enough that all workers share the first batch, large enough that handing over costs nothing.
  private static let chunkSize = 4

  init(
    entries: [ImageEntry], preprocessing: Preprocessing, size: ImageSize, augmentation: Augmentation?, seed: UInt64,
    epoch: Int, isShuffled: Bool, batchSize: Int
  ) {
    self.entries = entries
    self.preprocessing = preprocessing
    self.size = size
    self.augmentation = augmentation
    self.seed = seed
    self.epoch = epoch
    self.batchSize = batchSize
    normalizer = Normalizer(preprocessing)
    if isShuffled {
      var random = RandomStream(seed: seed, purpose: "image order", step: UInt64(epoch))
      order = random.permutation(entries.count)
    } else {
      order = Array(entries.indices)
    }
  }

  /// [channels, H, W]
  var imageShape: [Int] { [preprocessing.channels.count, size.height, size.width] }

  var chunksPerBatch: Int { (batchSize + Self.chunkSize - 1) / Self.chunkSize }

  private func positions(ofBatch batch: Int) -> Range<Int> {
    (batch * batchSize)..<min((batch + 1) * batchSize, order.count)
  }

  func chunkCount(ofBatch batch: Int) -> Int {
    (positions(ofBatch: batch).count + Self.chunkSize - 1) / Self.chunkSize
  }

  /// The chunks of some batches, as ranges of positions in the order of the epoch.
  func tasks(batches: Range<Int>) -> [Range<Int>] {
    batches.flatMap { batch in
      let positions = positions(ofBatch: batch)
      return stride(from: positions.lowerBound, to: positions.upperBound, by: Self.chunkSize).map {
        $0..<min($0 + Self.chunkSize, positions.upperBound)
      }
    }
  }

  func load(_ positions: Range<Int>) -> ImageChunk {
    var chunk = ImageChunk()
    for index in order[positions] {
      do throws(ImageDecodingFault) {
        chunk.planes.append(normalizer.planes(of: try picture(index)))
        chunk.indices.append(index)
      } catch {
        chunk.skipped.append(ImageBatch.Skipped(path: entries[index].path, reason: error))
      }
    }
    return chunk
  }

  /// The picture of an entry, as the network takes it but for its colours.
  private func picture(_ index: Int) throws(ImageDecodingFault) -> DecodedImage {
    guard let augmentation else { return preprocessing.sized(try entries[index].decoded()) }
    // A stream for each photograph and epoch: what happens to one does not depend on any other.
    var random = RandomStream(seed: seed, purpose: "image augmentation", path: String(index), step: UInt64(epoch))
    return try preprocessing.augmented(try entries[index].source(), by: augmentation, to: size, using: &random)
  }
}
