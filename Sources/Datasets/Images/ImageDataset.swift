/// Photographs for training, and perhaps for validation and test: a folder of classes, a folder that holds such folders
/// as `train`, `valid` (or `val`) and `test`, or one of packed files (IDX, CIFAR).
public struct ImageDataset: Sendable, Equatable {
  public let training: ImageFolder
  public let validation: ImageFolder?
  public let test: ImageFolder?
  public var classes: [String] { training.classes }

  /// Recognises the shape of the folder. The training part rules the classes; the others must have the same.
  ///
  /// - Parameter limit: the most photographs a class, in each part.
  public init(_ path: String, limit: Int? = nil) throws(ImageFolderFault) {
    if let packed = try PackedDataset(path, limit: limit) {
      (training, validation, test) = (packed.training, nil, packed.test)
      return
    }
    let names = try ImageFolder.classNames(path)
    guard names.contains("train") else {
      training = try ImageFolder(path, limit: limit)
      (validation, test) = (nil, nil)
      return
    }
    let training = try ImageFolder(path + "/train", limit: limit)
    func part(_ choices: [String]) throws(ImageFolderFault) -> ImageFolder? {
      guard let name = choices.first(where: names.contains) else { return nil }
      return try ImageFolder(path + "/" + name, classes: training.classes, limit: limit)
    }
    self.training = training
    validation = try part(["valid", "val"])
    test = try part(["test"])
  }

  /// How packed images are prepared by default: at their own size, with the mean and the deviation of
  /// the training pictures; nil for photographs of all sizes.
  public var ownPreprocessing: Preprocessing? {
    guard let first = training.entries.first?.packed, let (mean, deviation) = PackedImages.statistics(training.entries)
    else { return nil }
    return Preprocessing(
      resize: .exact(first.size), channels: first.channels == 1 ? .grey : .rgb, scale: 1 / 255, mean: mean,
      standardDeviation: deviation)
  }
}

extension ImageFolder {
  /// Holds out a fraction of each class, chosen by the seed: (what is kept, what is held out), both in the order they
  /// had. Every class of two or more photographs has at least one in each part.
  public func stratifiedSplit(
    fraction: Double, seed: UInt64
  ) throws(ImageFolderFault) -> (training: ImageFolder, validation: ImageFolder) {
    guard fraction > 0 else { throw .tooFew(images: entries.count, fraction: fraction) }
    let split: DataSplit
    do throws(SplitFault) {
      split = try DataSplit(labels: entries.map(\.label), classes: classes, validation: fraction, seed: seed)
    } catch {
      throw .tooFew(images: entries.count, fraction: fraction)
    }
    func part(_ positions: [Int]) -> ImageFolder {
      ImageFolder(classes: classes, entries: positions.map { entries[$0] })
    }
    return (part(split.training), part(split.validation))
  }
}
