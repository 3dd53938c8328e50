import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// What the frozen beginning of a network makes of the images of a run, computed once. Steps and scores that begin there are
/// those of the whole network, bit for bit.
///
/// How numbers are rounded may depend on how many images are computed at once. So the features are computed in batches of
/// the run's size, and a batch of another size is read from the images again.
struct PrefixFeatures {
  let prefix: FrozenPrefix
  /// How many images are computed at once.
  let size: Int
  let training: FeatureSet
  let validation: FeatureSet
  /// An image of zeros for what comes before.
  private let stand: Tensor

  /// The most bytes of a part's features; beyond, none are kept.
  static let largest = 1 << 30

  /// - Parameters:
  ///   - input: [C, H, W]
  ///   - forward: the network in training, whose outputs are all those that the loss depends on.
  /// - Returns: nil where nothing that costs anything is frozen, or too much would have to be kept.
  init?<Model: Classifier>(
    _ model: Model, _ data: ImageParts, _ options: TrainingOptions, _ preprocessing: Preprocessing, input: [Int],
    cache: PrefixCache, forward: (Tensor) -> [Tensor], progress: (String, Int, Int) throws -> Void
  ) throws {
    guard let prefix = FrozenPrefix(of: model, input: Tensor(zeros: [2] + input), forward: forward) else { return nil }
    let most = max(data.training.entries.count, data.validation.entries.count)
    guard prefix.width * 4 <= Self.largest / max(1, most) else {
      cache.report(
        "the outputs of \(prefix.path), up to which the network is frozen, are \(prefix.width * 4) bytes an image: for "
          + "\(most) images that is more than is kept (1 GiB), and they are computed in every epoch")
      return nil
    }
    self.prefix = prefix
    size = min(options.batchSize, data.training.entries.count)
    stand = Tensor(zeros: [1] + input)
    func features(_ part: String, _ folder: ImageFolder, _ size: Int) throws -> FeatureSet {
      try cache.features(part, model, prefix, folder.entries, preprocessing, size: size, workers: options.workers) {
        try progress(part, $0, folder.entries.count)
      }
    }
    training = try features("training", data.training, size)
    validation = try features("validation", data.validation, size)
  }

  /// Runs the network from features on: [N] and the shape of the prefix's output.
  func resume<Result>(_ model: some Layer, from features: Tensor, _ forward: (Tensor) -> Result) -> Result {
    prefix.resume(model, from: features, stand: stand, forward)
  }

  /// The batches of one pass, in an order of the images.
  ///
  /// - Parameter images: those that the features are of, for batches of another size.
  func batches(
    _ features: FeatureSet, _ images: PreparedImages, order: [Int], batchSize: Int, startingAt first: Int
  ) -> ImageTaskBatches {
    let rows = Dictionary(uniqueKeysWithValues: zip(features.indices, features.indices.indices))
    var next = first
    let (size, shape) = (size, prefix.shape)
    return ImageTaskBatches {
      guard next * batchSize < order.count else { return nil }
      let places = order[next * batchSize..<min(order.count, (next + 1) * batchSize)]
      next += 1
      let present = places.compactMap { rows[$0] }
      if present.isEmpty { return .empty }
      if present.count == size { return features.batch(present, shape: shape) }
      let batch = images.batch(of: places.map { images.item(at: $0, epoch: 0) })
      return ImageTaskBatch(inputs: batch.inputs, labels: batch.labels)
    }
  }
}

extension FeatureSet {
  fileprivate func batch(_ rows: [Int], shape: [Int]) -> ImageTaskBatch {
    let flat = batch(rows)
    return ImageTaskBatch(
      inputs: flat.inputs?.reshaped(to: [rows.count] + shape), labels: flat.labels, isPrefix: true)
  }

  /// Runs the beginning of a network over images, `size` at once.
  fileprivate static func compute(
    _ model: some Classifier, _ prefix: FrozenPrefix, _ entries: [ImageEntry], _ preprocessing: Preprocessing,
    size: Int, workers: Int, progress: (Int) throws -> Void
  ) throws -> FeatureSet {
    let images = try PreparedImages(entries, preprocessing: preprocessing)
    var (scalars, labels, indices, skipped): ([Float], [Int32], [Int], [Skipped]) = ([], [], [], [])
    var done = 0
    for batch in DataLoader(images, batchSize: size, workers: workers) {
      skipped += batch.skipped.map { Skipped(path: $0.path, reason: "\($0.reason)") }
      done += batch.indices.count + batch.skipped.count
      if let inputs = batch.inputs {
        let count = inputs.shape[0]
        // A batch that is not full is filled up, so that all are computed alike.
        let full =
          count == size
          ? inputs : concatenated([inputs] + Array(repeating: inputs[0..<1], count: size - count), axis: 0)
        scalars += prefix.outputs(of: model, full) { model($0) }.scalars.prefix(count * prefix.width)
        labels += batch.labels.scalars
        indices += batch.indices
      }
      try progress(done)
    }
    return FeatureSet(width: prefix.width, scalars: scalars, labels: labels, indices: indices, skipped: skipped)
  }
}

/// Features on disk, in the folder of the run, so that a resumed run need not compute them again. A file serves where the
/// weights before the cut, the preprocessing, the images and the size of batches are those that it was made with.
struct PrefixCache {
  let folder: String
  /// Told what a person should know, a line at a time.
  let report: (String) -> Void

  static let names = ["prefix-training.h5", "prefix-validation.h5"]

  fileprivate func features(
    _ part: String, _ model: some Classifier, _ prefix: FrozenPrefix, _ entries: [ImageEntry],
    _ preprocessing: Preprocessing, size: Int, workers: Int, progress: (Int) throws -> Void
  ) throws -> FeatureSet {
    let path = "\(folder)/prefix-\(part).h5"
    let key = try Self.key(model, prefix, entries, preprocessing, size)
    if let found = read(path, key: key, prefix, entries) { return found }
    let features = try FeatureSet.compute(
      model, prefix, entries, preprocessing, size: size, workers: workers, progress: progress)
    if features.count > 0 {
      try FeatureFile(
        width: features.width, features: features.scalars, labels: features.labels.map(Int64.init),
        indices: features.indices.map(Int64.init), key: key, skipped: try JSONValue(encoding: features.skipped)
      ).write(to: path)
    }
    return features
  }

  /// A file that cannot be used is not a fault: the features are computed again.
  private func read(_ path: String, key: String, _ prefix: FrozenPrefix, _ entries: [ImageEntry]) -> FeatureSet? {
    guard FileSystem.exists(path) else { return nil }
    guard let file = try? FeatureFile(from: path),
      let skipped = try? file.skipped.decoded(as: [FeatureSet.Skipped].self)
    else {
      report("\(path): cannot be read; the features are computed again")
      return nil
    }
    let indices = file.indices.compactMap { Int(exactly: $0) }
    guard file.key == key, file.width == prefix.width, indices.count == file.indices.count,
      Set(indices).count == indices.count, indices.allSatisfy(entries.indices.contains)
    else { return nil }
    return FeatureSet(
      width: file.width, scalars: file.features, labels: indices.map { Int32(entries[$0].label) }, indices: indices,
      skipped: skipped)
  }

  private static func key(
    _ model: some Classifier, _ prefix: FrozenPrefix, _ entries: [ImageEntry], _ preprocessing: Preprocessing,
    _ size: Int
  ) throws -> String {
    var text =
      "\(prefix.path) \(prefix.shape) \(size)\n\(try JSONValue(encoding: preprocessing).serialized)\n"
      + "\(model.configurationValue.serialized)\n"
    let frozen = Set(model.namedParameters().filter(\.parameter.isFrozen).map(\.path))
      .union(model.namedBuffers().filter(\.buffer.isFrozen).map(\.path))
    for entry in model.checkpoint(architecture: "").entries where frozen.contains(entry.path) {
      text += "\(entry.path) \(entry.array.bytes.crc32c())\n"
    }
    for entry in entries {
      let status = FileSystem.status(entry.file)
      text += "\(entry.path)\t\(entry.label)\t\(status?.size ?? -1)\t\(status?.modified ?? -1)\n"
    }
    let bytes = Array(text.utf8)
    let half = bytes.count / 2
    return [bytes[...], bytes[..<half], bytes[half...]]
      .map { String(ByteRegion(Array($0)).crc32c(), radix: 16) }.joined(separator: "-")
  }
}
