import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// The features of a set of images: the input of the head on a frozen backbone, computed once.
struct FeatureSet {
  /// The number of features of an image.
  let width: Int
  /// Row-major [images, width].
  let scalars: [Float]
  let labels: [Int32]
  /// The position of each row's image in the list of images.
  let indices: [Int]
  /// The images that could not be read and have no row.
  let skipped: [Skipped]

  struct Skipped: Codable, Equatable {
    let path: String
    let reason: String
  }

  var count: Int { labels.count }

  func batch(_ rows: some Collection<Int>) -> ImageTaskBatch {
    var values: [Float] = []
    values.reserveCapacity(rows.count * width)
    for row in rows { values += scalars[row * width..<(row + 1) * width] }
    return ImageTaskBatch(
      inputs: Tensor(values, shape: [rows.count, width]), labels: IntTensor(rows.map { labels[$0] }))
  }

  /// How many images are computed at once.
  private static let size = 32

  /// Runs the backbone over the images, in inference.
  ///
  /// How numbers are rounded may depend on how many images are computed at once. So all batches are equally large, and an
  /// image has the same features whichever images are computed with it.
  static func compute(
    _ model: some Classifier, _ entries: [ImageEntry], preprocessing: Preprocessing, workers: Int,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> FeatureSet {
    let batches = try ImageBatches(entries, preprocessing: preprocessing, batchSize: size, workers: workers)
    var scalars: [Float] = []
    var labels: [Int32] = []
    var indices: [Int] = []
    while let batch = batches.next() {
      let count = batch.inputs.shape[0]
      let inputs =
        count == size
        ? batch.inputs
        : concatenated([batch.inputs] + Array(repeating: batch.inputs[0..<1], count: size - count), axis: 0)
      let features = inference { model.features(inputs).scalars }
      scalars += features.prefix(count * (features.count / size))
      labels += batch.labels.scalars
      indices += batch.indices
      try progress(labels.count)
    }
    return FeatureSet(
      width: labels.isEmpty ? 0 : scalars.count / labels.count, scalars: scalars, labels: labels,
      indices: indices, skipped: batches.skipped.map { Skipped(path: $0.path, reason: "\($0.reason)") })
  }
}

/// Feature sets on disk, in the folder of the run, so that a resumed run need not compute them again.
///
/// They are keyed by what they depend on: the weights of the backbone, the preprocessing, the precision of products, and the images by path, size and
/// date. Sets of more than `largest` bytes are not kept.
struct FeatureCache {
  let folder: String
  /// Told why a file of features is not used, a line at a time.
  var report: (String) -> Void = { _ in }
  static let largest = 1 << 31

  private func path(_ part: String) -> String { "\(folder)/features-\(part).h5" }

  /// The features of a part of the data: from the cache where its key fits, else computed and kept.
  func features(
    _ part: String, _ model: some Classifier, _ entries: [ImageEntry], preprocessing: Preprocessing, workers: Int,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> FeatureSet {
    if let shared = SharedReadings.current {
      return try shared.features(
        model, entries, preprocessing: preprocessing, workers: workers, report: report, progress: progress)
    }
    let key = try Self.key(model, entries, preprocessing)
    if let found = read(part, key: key, entries) { return found }
    let features = try FeatureSet.compute(
      model, entries, preprocessing: preprocessing, workers: workers, progress: progress)
    if features.scalars.count * 4 <= Self.largest, features.count > 0 {
      let file = FeatureFile(
        width: features.width, features: features.scalars, labels: features.labels.map(Int64.init),
        indices: features.indices.map(Int64.init), key: key, skipped: try JSONValue(encoding: features.skipped))
      try file.write(to: path(part))
    }
    return features
  }

  /// A file that cannot be used is not a fault: the features are computed again.
  private func read(_ part: String, key: String, _ entries: [ImageEntry]) -> FeatureSet? {
    let path = path(part)
    guard FileSystem.exists(path) else { return nil }
    do {
      let file = try FeatureFile(from: path)
      // Other images or weights than those that the file is of.
      guard file.key == key else { return nil }
      let indices = file.indices.compactMap { Int(exactly: $0) }
      guard indices.count == file.indices.count, Set(indices).count == indices.count,
        indices.allSatisfy(entries.indices.contains)
      else {
        report("\(path): its indices are not those of the images; the features are computed again")
        return nil
      }
      return FeatureSet(
        width: file.width, scalars: file.features, labels: indices.map { Int32(entries[$0].label) }, indices: indices,
        skipped: try file.skipped.decoded())
    } catch let fault as CheckpointFault {
      report("\(fault); the features are computed again")
    } catch {
      report("\(path): \(reason(error)); the features are computed again")
    }
    return nil
  }

  /// The key of a model's backbone and its input, for any images.
  static func key(_ model: some Classifier, _ preprocessing: Preprocessing) throws -> String {
    try sums(of: description(model, preprocessing))
  }

  private static func description(_ model: some Classifier, _ preprocessing: Preprocessing) throws -> String {
    var text = "\(try JSONValue(encoding: preprocessing).serialized)\n\(model.configurationValue.serialized)\n"
    if Compute.precision != .float32 { text += "\(Compute.precision.rawValue)\n" }
    let head = model.headPath + "."
    for entry in model.checkpoint(architecture: "").entries where !entry.path.hasPrefix(head) {
      text += "\(entry.path) \(entry.array.bytes.crc32c())\n"
    }
    return text
  }

  private static func key(
    _ model: some Classifier, _ entries: [ImageEntry], _ preprocessing: Preprocessing
  ) throws -> String {
    var text = try description(model, preprocessing)
    for entry in entries {
      let status = FileSystem.status(entry.file)
      text += "\(entry.path)\t\(entry.label)\t\(status?.size ?? -1)\t\(status?.modified ?? -1)\n"
    }
    return sums(of: text)
  }

  /// Two sums of 32 bits over halves and one over all of it.
  private static func sums(of text: String) -> String {
    let bytes = Array(text.utf8)
    let half = bytes.count / 2
    return [bytes[...], bytes[..<half], bytes[half...]]
      .map { String(ByteRegion(Array($0)).crc32c(), radix: 16) }.joined(separator: "-")
  }
}
