import AviaryArchives
import AviaryHDF5

/// Something to be written: a group or a dataset, with its attributes.
public struct HDF5Item: Sendable {
  public enum Content: Sendable {
    case group
    /// `bytes` in little-endian order; `shape` empty for a single number.
    case dataset(type: HDF5ElementType, shape: [Int], bytes: ByteRegion)
    /// A list of texts of any length, as variable-length UTF-8.
    case texts([String])
  }

  /// Names from the root, joined by slashes; empty for the root itself.
  public let path: String
  public let attributes: [HDF5Attribute]
  public let content: Content

  public init(path: String, attributes: [HDF5Attribute] = [], content: Content = .group) {
    self.path = path
    self.attributes = attributes
    self.content = content
  }
}
