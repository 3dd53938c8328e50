import AviaryArchives

/// An HDF5 file open for reading: what it holds, and the bytes of its datasets.
///
/// Only hard links are followed. Datasets kept in other files are refused, and a size that the file declares is held
/// against the file's own size before anything is allocated for it. What is damaged, or not supported, is listed in
/// `contents.refusals`, and the rest is read; where superblock or root group are damaged, opening fails.
public final class HDF5Reader: Sendable {
  public let path: String
  public let contents: HDF5Contents
  private let image: FileImage
  private let budget: UnpackingBudget

  /// Bytes that one dataset may have once unpacked.
  static let sizeLimit = 4 << 30
  /// How many times its stored bytes a filtered dataset may have.
  static let ratioLimit = 1000
  /// Unpacked bytes that any dataset may have, however few are stored: never written parts take no room.
  static let unstoredLimit = 1 << 20
  /// Unpacked bytes of all datasets together.
  static let totalLimit = 64 << 30
  /// Values that `values(of:)` makes at most; larger arrays are for `bytes(of:)`.
  static let valueLimit = 4_000_000

  /// Opens the file at `path` and lists what is in it. With `map`, `bytes(of:)` gives the file's own pages where it can.
  public convenience init(path: String, map: Bool = true) throws(HDF5Fault) {
    let bytes: ByteRegion
    do { bytes = try MappedFile(path: path, map: map).bytes } catch { throw .archive(error) }
    try self.init(bytes: bytes, path: path)
  }

  /// Opens an HDF5 file that lies within another, such as a `.keras` archive; `path` names it in faults.
  public convenience init(embedded bytes: ByteRegion, path: String) throws(HDF5Fault) {
    try self.init(bytes: bytes, path: path)
  }

  /// Opens a file whose bytes are there already; `path` names it in faults.
  public init(bytes: ByteRegion, path: String) throws(HDF5Fault) {
    guard let start = Superblock.position(in: bytes) else { throw .notHDF5(path: path) }
    var object = "the file"
    do throws(Flaw) {
      let superblock = try Superblock(bytes, at: start)
      let image = try superblock.extendedImage()
      object = "the root group"
      contents = try ContentsWalk.contents(root: superblock.rootAddress, BlockReader(image))
      self.image = image
    } catch {
      throw error.fault(path: path, object: object)
    }
    self.path = path
    budget = UnpackingBudget(fileSize: bytes.count)
  }

  /// Whether the signature stands where a superblock may begin: at 0, 512, 1024, 2048 …
  public static func matches(_ bytes: ByteRegion) -> Bool { Superblock.position(in: bytes) != nil }

  /// The numbers of a dataset, little-endian, in row-major order. Those of a contiguous dataset that are stored so are
  /// not copied.
  public func bytes(of dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> ByteRegion {
    do throws(Flaw) {
      guard dataset.byteCount != nil else { throw .unsupported("an array of \(dataset.type)") }
      let object = dataset.object
      let stored = try storage(object).bytes()
      if object.isPlain || stored.count == 0 { return stored }
      guard let size = object.byteCount, size <= Self.sizeLimit else {
        throw .tooLarge(bytes: object.byteCount ?? .max, limit: Self.sizeLimit)
      }
      try budget.charge(size, for: object)
      return try NumberConversion.converted(stored, object)
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  /// The elements of a dataset of any type, in row-major order, one value each.
  public func values(of dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> [HDF5Element] {
    do throws(Flaw) {
      let object = dataset.object
      guard object.dataspace.count <= Self.valueLimit else {
        throw .tooMany("values of this kind in one object", limit: Self.valueLimit)
      }
      let stored = try storage(object).bytes().array()
      var decoder = ElementDecoder(BlockReader(image), limit: Self.valueLimit)
      return try decoder.elements(stored, object.datatype, count: object.dataspace.count)
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  private func storage(_ object: DatasetObject) -> DatasetStorage {
    DatasetStorage(object: object, image: image, budget: budget)
  }
}
