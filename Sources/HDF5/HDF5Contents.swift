/// What a file holds, without the datasets' bytes.
public struct HDF5Contents: Sendable {
  public struct Group: Sendable {
    /// Names from the root, joined by slashes; empty for the root.
    public let path: String
    public let attributes: [HDF5Attribute]
  }

  public struct Dataset: Sendable {
    public let path: String
    public let attributes: [HDF5Attribute]
    /// Offset in the file where all bytes lie one after another, little-endian and unfiltered.
    public let offset: Int?
    let object: DatasetObject

    public var type: HDF5ElementType { object.type }
    /// Every detail of the elements.
    public var datatype: Datatype { object.datatype }
    /// The extents; empty for a single element, and `[0]` for a null dataspace.
    public var shape: [Int] { object.dataspace.isNull ? [0] : object.dataspace.extents }
    /// Whether there is a type but no element (a null dataspace, which h5py calls empty).
    public var isNull: Bool { object.dataspace.isNull }
    /// Bytes once read; `nil` where elements are not numbers.
    public var byteCount: Int? { object.byteCount }
  }

  /// A datatype that has a name of its own, for datasets to share.
  public struct NamedDatatype: Sendable {
    public let path: String
    public let attributes: [HDF5Attribute]
    public let datatype: Datatype
  }

  /// Something that was not read, and why.
  public struct Refusal: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
      /// Its bytes contradict the format.
      case damage
      /// It is valid, and Aviary does not read it.
      case unsupported
      /// What it names lies elsewhere: a soft or external link, another name of a group listed already, a dataset
      /// whose bytes lie in other files.
      case elsewhere
      /// It declares more than its bytes justify, or than any checkpoint has.
      case limit
    }

    public let path: String
    public let reason: String
    public let kind: Kind
  }

  public internal(set) var groups: [Group] = []
  public internal(set) var datasets: [Dataset] = []
  public internal(set) var namedDatatypes: [NamedDatatype] = []
  /// What was not read. The attributes of an object that was read in part are refused under the object's path.
  public internal(set) var refusals: [Refusal] = []
  private var groupIndices: [String: Int] = [:]

  /// Why an object, or a part of it, was not read; nil where it was read, or is not there.
  public func refusal(of path: String) -> Refusal? { refusals.first { $0.path == path } }

  public func attributes(ofGroup path: String) -> [HDF5Attribute]? {
    groupIndices[path].map { groups[$0].attributes }
  }

  mutating func add(_ group: Group) {
    groupIndices[group.path] = groups.count
    groups.append(group)
  }
}
