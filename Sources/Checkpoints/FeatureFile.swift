import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5
import AviaryHDF5Writing

/// Features of items, such as what the head of a network is given for images, in a file of their own: HDF5, and not a
/// checkpoint.
///
///     /            attributes: format = "aviary features", format_version = 1; key: what the features depend on;
///                  skipped: JSON, the items without features
///     /features    float32 [items, width]
///     /labels      int64 [items]
///     /indices     int64 [items]: the position of each item in the list that the features were computed from
///
/// Each dataset has a checksum as in a checkpoint. `aviary features` writes files of the same format with the names of
/// classes and files instead of key and positions.
public struct FeatureFile: Sendable {
  /// The value of the attribute `format`.
  public static let format = "aviary features"
  private static let version = 1

  /// The number of features of an item.
  public var width: Int
  /// Row-major [items, width].
  public var features: [Float]
  /// The class of each item.
  public var labels: [Int64]
  /// The place of each item in the data.
  public var indices: [Int64]
  /// A text that changes with everything that the features depend on.
  public var key: String
  /// The items without features; what is in it is up to who wrote the file.
  public var skipped: JSONValue

  /// - Precondition: there are as many labels and indices as rows of features.
  public init(
    width: Int, features: [Float], labels: [Int64], indices: [Int64], key: String, skipped: JSONValue = .array([])
  ) {
    ensure(
      features.count == width * labels.count && labels.count == indices.count,
      "FeatureFile: \(features.count) features of width \(width) do not go with \(labels.count) labels and "
        + "\(indices.count) indices")
    self.width = width
    self.features = features
    self.labels = labels
    self.indices = indices
    self.key = key
    self.skipped = skipped
  }

  /// Writes the file, durably.
  public func write(to path: String) throws(CheckpointFault) {
    var items = [
      HDF5Item(
        path: "",
        attributes: [
          HDF5Attribute("format", .text(Self.format)), HDF5Attribute("format_version", .integer(Int64(Self.version))),
          HDF5Attribute("key", .text(key)), HDF5Attribute("skipped", .text(skipped.serialized)),
        ])
    ]
    for (name, array) in [
      ("features", StoredArray(features, shape: [labels.count, width])),
      ("labels", StoredArray(labels, shape: [labels.count])), ("indices", StoredArray(indices, shape: [indices.count])),
    ] {
      items.append(try AviaryFile.dataset(array, at: name, tensor: name, file: path))
    }
    do { try HDF5Writer.write(AviaryFile.withChecksums(items), to: path) } catch { throw .hdf5(error) }
  }

  /// Reads what `write` wrote and verifies it.
  ///
  /// - Throws: also where the file is of another format: a checkpoint, as Aviary 0.1 kept features in.
  public init(from path: String) throws(CheckpointFault) {
    let file: MappedFile
    do { file = try MappedFile(path: path, map: false) } catch { throw .archive(error) }
    let reader: HDF5Reader
    do { reader = try HDF5Reader(bytes: file.bytes, path: path) } catch { throw .hdf5(error) }
    let root = AviaryAttributes(reader.contents.attributes(ofGroup: "") ?? [], path: path)
    let format = try root.text("format") ?? "absent"
    guard format == Self.format else {
      throw .unsupported(path: path, what: "its format is '\(format.prefix(40))', not '\(Self.format)'")
    }
    let version = try root.version()
    guard version <= Self.version else { throw .newerVersion(path: path, version: version, supported: Self.version) }
    var verification = ChecksumVerification(path: path)
    var arrays: [String: StoredArray] = [:]
    for dataset in reader.contents.datasets {
      let array = try AviaryFile.array(dataset, reader, tensor: dataset.path)
      try verification.add(dataset.path, array.bytes, stored: dataset.attributes["crc32c"])
      arrays[dataset.path] = array
    }
    try verification.run()
    func integers(_ name: String) throws(CheckpointFault) -> [Int64] {
      guard let array = arrays[name], array.shape.count == 1, let values = array.integers() else {
        throw .malformed(path: path, part: "dataset '\(name)'", reason: "is absent, or not a list of integers")
      }
      return values
    }
    (labels, indices) = (try integers("labels"), try integers("indices"))
    guard let array = arrays["features"], array.shape.count == 2, let values = array.floats(),
      array.shape[0] == labels.count, labels.count == indices.count
    else {
      throw .malformed(path: path, part: "dataset 'features'", reason: "is absent, or does not go with the labels")
    }
    (width, features) = (array.shape[1], values)
    key = try root.text("key") ?? ""
    skipped = try root.json("skipped") ?? .array([])
  }
}
