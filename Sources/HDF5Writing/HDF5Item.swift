import AviaryArchives
import AviaryHDF5

/// A group or a dataset to write, with its attributes.
public struct HDF5Item: Sendable {
  /// What an item is.
  public enum Content: Sendable {
    /// A group.
    case group
    /// `bytes` in little-endian order; `shape` empty for a single number.
    case dataset(type: HDF5ElementType, shape: [Int], bytes: ByteRegion)
    /// A list of texts of any length, as variable-length UTF-8.
    case texts([String])
  }

  /// Names from the root, joined by slashes; empty for the root itself.
  public let path: String
  /// Its attributes.
  public let attributes: [HDF5Attribute]
  /// What it is.
  public let content: Content
  /// The filters of a dataset of numbers. A dataset with filters is chunked and cannot be memory-mapped.
  public let filters: HDF5Filters
  /// The extents of a chunk; `nil` for whole rows of about 64 KiB where there are filters, and no chunks where there are
  /// none.
  public let chunk: [Int]?

  /// An item at a path.
  public init(
    path: String, attributes: [HDF5Attribute] = [], content: Content = .group, filters: HDF5Filters = .none,
    chunk: [Int]? = nil
  ) {
    self.path = path
    self.attributes = attributes
    self.content = content
    self.filters = filters
    self.chunk = chunk
  }

  /// The extents of a chunk if the dataset is chunked. A single number and an empty dataset are not.
  var chunkShape: [Int]? {
    guard case .dataset(let type, let shape, let bytes) = content, !shape.isEmpty, bytes.count > 0,
      filters != .none || chunk != nil
    else { return nil }
    return chunk ?? HDF5Filters.chunk(of: shape, elementSize: type.size ?? 1)
  }
}
