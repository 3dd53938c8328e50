import AviaryArchives
import AviaryDiagnostics
import Synchronization

/// An HDF5 file open for reading: its objects by path, what it holds in all, and the bytes of its datasets.
///
///     let file = try HDF5Reader(path: "model.h5")
///     let kernel = try file.dataset("model/conv1/weight")
///     let firstFilters = try file.bytes(of: kernel, at: 0..<8)
///
/// Links that leave the file and virtual datasets are refused unless they are to be followed, datasets stored in raw files
/// always, and a size that the file declares is held against the file's own size before anything is allocated for it. What is damaged or not supported is named, and the
/// rest of the file is read.
public final class HDF5Reader: Sendable {
  /// Its path.
  public let path: String
  let image: FileImage
  /// Address of the root group's object header.
  let root: UInt64
  private let budget: UnpackingBudget
  private let libraries: FilterLibraries
  let followed: FollowedFiles?
  /// How many links lead here from the file that was opened first.
  let depth: Int
  private let listed = Mutex<HDF5Contents?>(nil)
  /// Datasets that virtual ones are made of, by path.
  private let sources = Mutex<[ExactText: DatasetObject]>([:])

  /// Bytes that one dataset may have once unpacked; parts of a larger one are read with slices.
  static let sizeLimit = 4 << 30
  /// How many times its size a file may take in memory when all of it is kept: what deflate makes of zeros at most.
  static let ratioLimit = 1032
  /// Unpacked bytes that may be kept however small the file is.
  static let unstoredLimit = 16 << 20
  /// Unpacked bytes of all datasets that are kept, and that are unpacked in turn.
  static let totalLimit = 64 << 30
  /// Values that `values(of:)` makes at most; larger arrays are for `bytes(of:)`.
  static let valueLimit = 4_000_000

  /// Opens the file at `path`. With `map`, the file is memory-mapped, and `bytes(of:)` returns mapped bytes where it can;
  /// without, the whole file is read.
  public convenience init(path: String, map: Bool = true) throws(HDF5Fault) {
    let bytes: ByteRegion
    do { bytes = try MappedFile(path: path, map: map).bytes } catch { throw .archive(error) }
    try self.init(bytes: bytes, path: path)
  }

  /// The same, where external links and virtual datasets are followed with `follow`: `contents` then lists what links lead to
  /// in files of the same folder or below it, and virtual datasets are put together from such files.
  public convenience init(path: String, map: Bool = true, follow: Bool) throws(HDF5Fault) {
    let bytes: ByteRegion
    do { bytes = try MappedFile(path: path, map: map).bytes } catch { throw .archive(error) }
    try self.init(bytes: bytes, path: path, followed: follow ? FollowedFiles(path: path) : nil, depth: 0)
  }

  /// Opens a file whose bytes are in memory and which is at `path`, beside the files that external links lead to.
  package convenience init(bytes: ByteRegion, path: String, follow: Bool) throws(HDF5Fault) {
    try self.init(bytes: bytes, path: path, followed: follow ? FollowedFiles(path: path) : nil, depth: 0)
  }

  /// Opens an HDF5 file that is part of another, such as a `.keras` archive; `path` names it in faults.
  public convenience init(embedded bytes: ByteRegion, path: String) throws(HDF5Fault) {
    try self.init(bytes: bytes, path: path)
  }

  /// Opens a file whose bytes are in memory; `path` names it in faults.
  public convenience init(bytes: ByteRegion, path: String) throws(HDF5Fault) {
    try self.init(bytes: bytes, path: path, libraries: .installed)
  }

  package convenience init(bytes: ByteRegion, path: String, libraries: FilterLibraries) throws(HDF5Fault) {
    try self.init(bytes: bytes, path: path, libraries: libraries, followed: nil, depth: 0)
  }

  init(
    bytes: ByteRegion, path: String, libraries: FilterLibraries = .installed, followed: FollowedFiles?, depth: Int
  ) throws(HDF5Fault) {
    self.followed = followed
    self.depth = depth
    guard let start = Superblock.position(in: bytes) else { throw .notHDF5(path: path) }
    var object = "the file"
    do throws(Flaw) {
      let superblock = try Superblock(bytes, at: start)
      var image = try superblock.extendedImage()
      image.followsFiles = followed != nil
      self.image = image
      root = superblock.rootAddress
      object = "the root group"
      guard try ObjectHeader(at: root, BlockReader(image)).isGroup else { throw .damage("it is not a group") }
    } catch {
      throw error.fault(path: path, object: object)
    }
    self.path = path
    self.libraries = libraries
    budget = UnpackingBudget(fileSize: bytes.count)
  }

  /// Whether the signature is where a superblock may begin: at 0, 512, 1024, 2048 …
  public static func matches(_ bytes: ByteRegion) -> Bool { Superblock.position(in: bytes) != nil }

  /// All groups, datasets and attributes, and what cannot be read. The file is walked at the first use; to read a few
  /// objects of a large file, look them up instead: `dataset(_:)`, `self[_:]`.
  public var contents: HDF5Contents {
    listed.withLock { listed in
      if let listed { return listed }
      var contents = ContentsWalk.contents(root: root, BlockReader(image))
      if let followed { contents.follow(followed, of: self) }
      listed = contents
      return contents
    }
  }

  /// The most sources of virtual datasets that are kept to be read again.
  private static let sourceLimit = 10_000

  /// The dataset at `path`, of which a virtual dataset has a part. It is parsed once.
  func source(_ path: String) throws(Flaw) -> DatasetObject {
    if let known = sources.withLock({ $0[ExactText(path)] }) { return known }
    let blocks = BlockReader(image)
    guard let address = try PathLookup(root: root, blocks: blocks).address(of: PathLookup.components(path)) else {
      throw .absent
    }
    guard case .dataset(let object, _) = try ParsedObject(at: address, blocks) else {
      throw .damage("it is not a dataset")
    }
    sources.withLock { if $0.count < Self.sourceLimit { $0[ExactText(path)] = object } }
    return object
  }

  // MARK: - Values

  /// The numbers of a dataset, little-endian, in row-major order. Those of a contiguous dataset that are stored in this
  /// form are not copied.
  public func bytes(of dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> ByteRegion {
    try bytes(of: dataset, at: [])
  }

  /// The numbers of a part of a dataset, a *hyperslab*, little-endian, in row-major order. Only the chunks that the part
  /// touches are unpacked.
  ///
  ///     try file.bytes(of: images, at: 32..<64)                        // [32, 28, 28] of [N, 28, 28]
  ///     try file.bytes(of: images, at: 0..., HDF5Slice(0..<28, by: 2)) // every second row
  ///
  /// The index of a chunked dataset is read once: keep `dataset` to read many of its parts.
  ///
  /// - Parameter slices: the elements to read along each axis; axes without a slice are read whole.
  /// - Parameter dataset: the dataset to read.
  /// - Throws: `HDF5Fault.outOfBounds` where a slice does not fit the dataset.
  public func bytes(
    of dataset: HDF5Contents.Dataset, at slices: any HDF5SliceExpression...
  ) throws(HDF5Fault) -> ByteRegion {
    try bytes(of: dataset, at: slices.map(\.hdf5Slice))
  }

  /// The same with slices in an array.
  public func bytes(of dataset: HDF5Contents.Dataset, at slices: [HDF5Slice]) throws(HDF5Fault) -> ByteRegion {
    let slab = try hyperslab(slices, dataset)
    do throws(Flaw) {
      guard let elementSize = dataset.type.size else { throw .unsupported("an array of \(dataset.type)") }
      let object = dataset.object
      let stored = try storage(dataset).bytes(slab)
      if object.isPlain || stored.count == 0 { return stored }
      // At most `byteCount`, which is an `Int`.
      let size = slab.count * elementSize
      try DatasetStorage.check(size)
      return try NumberConversion.converted(stored, object)
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  /// The elements of a dataset of any type, in row-major order, one value each.
  public func values(of dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> [HDF5Element] {
    try values(of: dataset, at: [])
  }

  /// The elements of a part of a dataset of any type, in row-major order: see `bytes(of:at:)`.
  public func values(
    of dataset: HDF5Contents.Dataset, at slices: any HDF5SliceExpression...
  ) throws(HDF5Fault) -> [HDF5Element] {
    try values(of: dataset, at: slices.map(\.hdf5Slice))
  }

  /// The same with slices in an array.
  public func values(of dataset: HDF5Contents.Dataset, at slices: [HDF5Slice]) throws(HDF5Fault) -> [HDF5Element] {
    let slab = try hyperslab(slices, dataset)
    do throws(Flaw) {
      guard slab.count <= Self.valueLimit else {
        throw .tooMany("values of this kind in one object", limit: Self.valueLimit)
      }
      let stored = try storage(dataset).bytes(slab).array()
      var decoder = ElementDecoder(BlockReader((dataset.source ?? self).image), limit: Self.valueLimit)
      return try decoder.elements(stored, dataset.datatype, count: dataset.isNull ? 0 : slab.count)
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  // MARK: - All datasets

  /// Throws what reading a dataset would, as far as its description tells: a filter that is not known or whose library is
  /// not installed, more bytes than the reader accepts.
  public func requireReadable(_ dataset: HDF5Contents.Dataset) throws(HDF5Fault) {
    do throws(Flaw) { try storage(dataset).requireReadable() } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  /// Reads a dataset and keeps none of its bytes: one chunk is in memory at a time.
  ///
  /// - Throws: What reading it would.
  public func check(_ dataset: HDF5Contents.Dataset) throws(HDF5Fault) {
    do throws(Flaw) {
      let storage = storage(dataset)
      try (dataset.source ?? self).budget.work(try storage.cost().unpacked, for: dataset.object)
      try storage.check()
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  /// Whether the bytes of a dataset may stay in memory with those of all others for which this was true: together they take
  /// no more than `limit` bytes, nor than the size of the file justifies. The bytes of others are to be read when they are
  /// needed.
  package func keeps(_ dataset: HDF5Contents.Dataset, of limit: Int = .max) throws(HDF5Fault) -> Bool {
    do throws(Flaw) {
      let cost = try storage(dataset).cost()
      try (dataset.source ?? self).budget.work(cost.unpacked, for: dataset.object)
      let justified = max(Self.unstoredLimit, cost.stored.times(Self.ratioLimit) ?? .max)
      return cost.memory <= justified
        && (dataset.source ?? self).budget.keeps(cost.memory, of: limit, for: dataset.object)
    } catch {
      throw error.fault(path: path, object: dataset.path)
    }
  }

  private func hyperslab(_ slices: [HDF5Slice], _ dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> Hyperslab {
    try Hyperslab(slices, of: dataset.shape, path: path, object: dataset.path)
  }

  private func storage(_ dataset: HDF5Contents.Dataset) -> DatasetStorage {
    DatasetStorage(object: dataset.object, reader: dataset.source ?? self, libraries: libraries)
  }
}
