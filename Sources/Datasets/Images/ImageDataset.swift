/// Photographs for training, and perhaps for validation and test: a folder of classes, a folder that holds such folders
/// as its parts (see `PartFolders`), or one of packed files (IDX, CIFAR).
public struct ImageDataset: Sendable, Equatable {
  /// The images for training.
  public let training: ImageFolder
  /// Those that choose the best epoch; nil where none are held out.
  public let validation: ImageFolder?
  /// Those for one score at the end; nil where none are held out.
  public let test: ImageFolder?
  /// What lies at the path and is not used, a line each.
  public let remarks: [String]
  /// The names of the classes, in the order of their numbers.
  public var classes: [String] { training.classes }

  /// Recognises the shape of the folder. The training part rules the classes; the others must have the same.
  ///
  /// - Parameters:
  ///   - classes: names for the classes of packed files, in the order of their numbers.
  ///   - limit: the most photographs a class, in each part.
  public init(_ path: String, classes names: [String]? = nil, limit: Int? = nil) throws(ImageFolderFault) {
    if let packed = try PackedDataset(path, classes: names, limit: limit) {
      (training, validation, test, remarks) = (packed.training, nil, packed.test, [])
      return
    }
    guard let parts = try PartFolders(path) else {
      training = try ImageFolder(path, limit: limit)
      (validation, test, remarks) = (nil, nil, training.remarks)
      return
    }
    let training = try ImageFolder(parts.training(), limit: limit)
    func folder(_ part: PartFolders.Part) throws(ImageFolderFault) -> ImageFolder? {
      guard let folder = parts.path(of: part) else { return nil }
      return try ImageFolder(folder, classes: training.classes, limit: limit)
    }
    self.training = training
    validation = try folder(.valid)
    test = try folder(.test)
    remarks = parts.remarks + [training, validation, test].flatMap { $0?.remarks ?? [] }
  }

  /// How packed images are prepared by default: at their own size, with the mean and the deviation of
  /// the training pictures; nil for photographs of all sizes.
  public var ownPreprocessing: Preprocessing? { training.ownPreprocessing }
}

extension ImageFolder {
  /// How packed images are prepared by default: at their own size, with the mean and the deviation of these; nil for
  /// photographs of all sizes.
  public var ownPreprocessing: Preprocessing? {
    guard let first = entries.first?.packed, let (mean, deviation) = PackedImages.statistics(entries) else {
      return nil
    }
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
    let parts = try divided(by: SplitPlan(validation: fraction, seed: seed))
    guard let validation = parts.validation else { throw .tooFew(images: entries.count, fraction: fraction) }
    return (parts.training, validation)
  }

  /// Divides the photographs by a plan, each part in the order they had.
  public func divided(by plan: SplitPlan) throws(ImageFolderFault) -> DatasetParts<ImageFolder> {
    let split: DataSplit
    do throws(SplitFault) {
      split = try DataSplit(
        count: entries.count, labels: entries.map(\.label), classes: classes, groups: try groups(plan.grouping),
        by: plan)
    } catch {
      if case .tooFew(_, let validation, let test) = error {
        throw .tooFew(images: entries.count, fraction: max(validation, test))
      }
      throw .division(error)
    }
    func part(_ positions: [Int]) -> ImageFolder? {
      positions.isEmpty ? nil : ImageFolder(classes: classes, entries: positions.map { entries[$0] })
    }
    guard let training = part(split.training) else { throw .tooFew(images: entries.count, fraction: plan.validation) }
    var parts = DatasetParts(training: training, validation: part(split.validation), test: part(split.test))
    parts.outOfBag = part(split.outOfBag)
    return parts
  }

  /// The group of each photograph; nil where there are no groups.
  private func groups(_ grouping: Grouping?) throws(SplitFault) -> [Int]? {
    guard case .pattern(let text)? = grouping else { return nil }
    return try GroupPattern(text).groups(of: entries.map(\.path))
  }
}
