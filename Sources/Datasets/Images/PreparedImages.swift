import AviaryKernels
import AviaryTensors

/// Images as a network gets them: decoded, augmented, at one size.
///
/// An image that cannot be decoded does not end the epoch: it is left out of its batch and named.
public struct PreparedImages: Dataset {
  /// One image as a network gets it, or why it cannot be decoded.
  public struct Item: Sendable {
    let index: Int
    /// A quarter of the size that it has once it is normalised, which a batch is as a whole.
    let levels: Result<Normalizer.Levels, ImageDecodingFault>
  }

  /// A batch, of those of its images that could be decoded.
  public struct Batch {
    /// [N, channels, H, W]; nil where not one could be decoded.
    public let inputs: Tensor?
    /// [N], positions in the list of classes.
    public let labels: IntTensor
    /// [N], positions in the list of entries.
    public let indices: [Int]
    /// Images that could not be read.
    public let skipped: [ImageBatch.Skipped]
  }

  /// The images, in the order of the data.
  public let entries: [ImageEntry]
  private let preprocessing: Preprocessing
  private let normalizer: Normalizer
  private let size: ImageSize
  private let augmentation: Augmentation?
  private let seed: UInt64

  /// - Parameters:
  ///   - augmentation: random changes for training; nil prepares the images as for evaluation.
  ///   - seed: of the augmentation.
  public init(
    _ entries: [ImageEntry], preprocessing: Preprocessing, augmentation: Augmentation? = nil, seed: UInt64 = 0
  ) throws(PreprocessingFault) {
    guard let size = try preprocessing.validated().outputSize else { throw .noFixedSize }
    self.entries = entries
    self.preprocessing = preprocessing
    self.size = size
    self.augmentation = augmentation
    self.seed = seed
    normalizer = Normalizer(preprocessing)
  }

  public var count: Int { entries.count }

  public func item(at place: Int, epoch: Int) -> Item { item(at: place, epoch: epoch, draw: 0) }

  public func item(at place: Int, epoch: Int, draw: Int) -> Item {
    do throws(ImageDecodingFault) {
      return Item(index: place, levels: .success(normalizer.levels(of: try picture(place, epoch, draw))))
    } catch {
      return Item(index: place, levels: .failure(error))
    }
  }

  public func batch(of items: [Item]) -> Batch {
    var images: [Normalizer.Levels] = []
    var indices: [Int] = []
    var skipped: [ImageBatch.Skipped] = []
    for item in items {
      switch item.levels {
      case .success(let levels):
        images.append(levels)
        indices.append(item.index)
      case .failure(let fault): skipped.append(.init(path: entries[item.index].path, reason: fault))
      }
    }
    return Batch(
      inputs: images.isEmpty ? nil : normalizer.tensor(of: images, height: size.height, width: size.width),
      labels: IntTensor(indices.map { Int32(entries[$0].label) }, shape: [indices.count]), indices: indices,
      skipped: skipped)
  }

  /// The picture of an entry, as the network takes it but for its colours.
  private func picture(_ index: Int, _ epoch: Int, _ draw: Int) throws(ImageDecodingFault) -> DecodedImage {
    guard let augmentation else { return preprocessing.sized(try entries[index].decoded()) }
    // A stream for each image and epoch, and each time that it comes in one: what happens to one does not depend on any other.
    var random = RandomStream(
      seed: seed, purpose: "image augmentation", path: draw == 0 ? "\(index)" : "\(index), \(draw)", step: UInt64(epoch)
    )
    return try preprocessing.augmented(try entries[index].source(), by: augmentation, to: size, using: &random)
  }
}
