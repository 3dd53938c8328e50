import AviaryDiagnostics

/// The groups, datasets and attributes of a file, without the bytes of datasets.
public struct HDF5Contents: Sendable {
  /// A group.
  public struct Group: Sendable {
    /// Names from the root, joined by slashes; empty for the root.
    public let path: String
    /// Its attributes, by name.
    public let attributes: [HDF5Attribute]
  }

  /// A dataset.
  public struct Dataset: Sendable {
    /// Its path.
    public let path: String
    /// Its attributes, by name.
    public let attributes: [HDF5Attribute]
    /// The offset in the file of the elements where they are stored contiguously, little-endian and unfiltered.
    public let offset: Int?
    let object: DatasetObject
    /// The reader of the file that the dataset is in, where an external link leads there.
    var source: HDF5Reader?

    /// The type of its elements.
    public var type: HDF5ElementType { object.type }
    /// Every detail of the elements.
    public var datatype: Datatype { object.datatype }
    /// The extents; empty for a single element, and `[0]` for a null dataspace.
    public var shape: [Int] { object.dataspace.isNull ? [0] : object.dataspace.extents }
    /// Whether the dataset has a type but no elements (a null dataspace, which h5py calls empty).
    public var isNull: Bool { object.dataspace.isNull }
    /// The extents of a chunk; `nil` where the dataset is not chunked. Parts that consist of whole chunks are the
    /// fastest to read.
    public var chunkShape: [Int]? { if case .chunked(let layout) = object.layout { layout.extents } else { nil } }
    /// The size in memory in bytes; `nil` where elements are not numbers.
    public var byteCount: Int? { object.byteCount }
  }

  /// A datatype stored under a name, for datasets to share.
  public struct NamedDatatype: Sendable {
    /// Its path.
    public let path: String
    /// Its attributes, by name.
    public let attributes: [HDF5Attribute]
    /// The type.
    public let datatype: Datatype
  }

  /// An object or attribute that was not read, and why.
  public struct Refusal: Sendable, Equatable {
    /// The kind of a refusal.
    public enum Kind: Sendable, Equatable {
      /// Its bytes contradict the format.
      case damage
      /// It is valid but not supported.
      case unsupported
      /// It refers to something elsewhere: a soft or external link, another name of a group that is listed already, a
      /// dataset stored in other files.
      case elsewhere
      /// It declares more than its bytes justify, or exceeds a limit of the reader.
      case limit
    }

    /// Its path.
    public let path: String
    /// Why, in words.
    public let reason: String
    /// Damage, a link, or a feature that is not supported.
    public let kind: Kind
    /// Whether data of the file are listed nowhere because of it. They are where an attribute was not read, or where
    /// the object is listed under another name.
    public internal(set) var losesData = true
    /// Whether it is in another file, which is read on request: see `HDF5Reader.init(path:map:follow:)`.
    public internal(set) var isFollowedOnRequest = false
  }

  /// The groups, from the outside in.
  public internal(set) var groups: [Group] = []
  /// The datasets that can be read.
  public internal(set) var datasets: [Dataset] = []
  /// The named datatypes.
  public internal(set) var namedDatatypes: [NamedDatatype] = []
  /// What was not read. An attribute that was not read is listed under the path of its object.
  public internal(set) var refusals: [Refusal] = []
  /// The datasets that links lead to, each under the path of its link: soft links within the file, which `refusals` has too,
  /// and on request external links (`HDF5Reader.init(path:map:follow:)`).
  public internal(set) var linkedDatasets: [Dataset] = []
  private var groupIndices = ExactDictionary<Int>()
  /// The first paths of objects, by the addresses that references have.
  var paths: [UInt64: String] = [:]
  var externalLinks: [ExternalLink] = []

  /// Why an object, or a part of it, was not read; `nil` where it was read or does not exist.
  public func refusal(of path: String) -> Refusal? { refusals.first { $0.path.isExactly(path) } }

  /// The attributes of a group; nil where there is none of this path.
  public func attributes(ofGroup path: String) -> [HDF5Attribute]? {
    groupIndices[path].map { groups[$0].attributes }
  }

  mutating func add(_ group: Group) {
    groupIndices[group.path] = groups.count
    groups.append(group)
  }
}
