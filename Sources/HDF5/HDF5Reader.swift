import AviaryArchives
import CHDF5

/// An HDF5 file open for reading: what it holds, and the bytes of its datasets.
///
/// Only hard links are followed. Datasets kept in other files are refused, and a size that the file declares is held
/// against the file's own size before anything is allocated for it.
public final class HDF5Reader: Sendable {
  public let path: String
  public let contents: HDF5Contents
  private let bytes: ByteRegion
  private let file: hid_t

  /// Bytes that one dataset may have once unpacked.
  static let sizeLimit = 4 << 30
  /// How many times its stored bytes a filtered dataset may have.
  static let ratioLimit = 1000
  /// Unpacked bytes that any dataset may have, however few are stored: never written parts take no room.
  static let unstoredLimit = 1 << 20

  /// Opens the file at `path` and lists what is in it. With `map`, `bytes(of:)` gives the file's own pages where it can.
  public convenience init(path: String, map: Bool = true) throws(HDF5Fault) {
    let bytes: ByteRegion
    do { bytes = try MappedFile(path: path, map: map).bytes } catch { throw .archive(error) }
    try self.init(bytes, path: path, isWholeFile: true)
  }

  /// Opens an HDF5 file that lies within another, such as a `.keras` archive; `path` names it in faults.
  public convenience init(embedded bytes: ByteRegion, path: String) throws(HDF5Fault) {
    try self.init(bytes, path: path, isWholeFile: false)
  }

  private init(_ bytes: ByteRegion, path: String, isWholeFile: Bool) throws(HDF5Fault) {
    guard Self.matches(bytes) else { throw .notHDF5(path: path) }
    self.path = path
    self.bytes = bytes
    let (file, contents) = try HDF5Library.exclusively { () throws(HDF5Fault) in
      let file = try Self.open(bytes, path: path, isWholeFile: isWholeFile)
      do throws(HDF5Fault) {
        var walk = HDF5Walk(path: path, size: bytes.count)
        return (file, try walk.run(file))
      } catch {
        H5Fclose(file)
        throw error
      }
    }
    self.file = file
    self.contents = contents
  }

  deinit {
    let file = file
    HDF5Library.exclusively { _ = H5Fclose(file) }
  }

  /// Whether the signature stands where a superblock may begin: at 0, 512, 1024, 2048 …
  public static func matches(_ bytes: ByteRegion) -> Bool {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    var offset = 0
    while let head = bytes.part(from: offset, count: 8) {
      if head.array() == signature { return true }
      offset = offset == 0 ? 512 : offset * 2
      // A userblock longer than this is not a checkpoint's.
      if offset > 1 << 20 { return false }
    }
    return false
  }

  private static func open(_ bytes: ByteRegion, path: String, isWholeFile: Bool) throws(HDF5Fault) -> hid_t {
    let access = H5Pcreate(aviary_h5_file_access())
    defer { H5Pclose(access) }
    if !isWholeFile {
      // The in-memory driver, without a file behind it; libhdf5 takes a copy of the image.
      var status = H5Pset_fapl_core(access, 1 << 20, false)
      status |= bytes.withBytes { span in
        unsafe span.withUnsafeBytes {
          unsafe H5Pset_file_image(access, UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
        }
      }
      guard status >= 0 else { throw .damaged(path: path, object: "the file", reason: HDF5Library.reason()) }
    }
    // Read only. The in-memory driver insists on a name that no file has, and nothing lies below a file.
    let file = unsafe H5Fopen(isWholeFile ? path : path + "/embedded", 0, access)
    guard file >= 0 else { throw .damaged(path: path, object: "the file", reason: HDF5Library.reason()) }
    return file
  }

  /// The bytes of a dataset, little-endian, in row-major order. A contiguous dataset's bytes are not copied.
  public func bytes(of dataset: HDF5Contents.Dataset) throws(HDF5Fault) -> ByteRegion {
    guard let size = dataset.byteCount else {
      throw .unsupported(path: path, object: dataset.path, feature: "an array of \(dataset.type)")
    }
    if size == 0 { return ByteRegion([UInt8]()) }
    if let offset = dataset.offset {
      guard let region = bytes.part(from: offset, count: size) else {
        throw .archive(
          .truncated(
            path: path, part: dataset.path, needed: size, available: max(0, bytes.count - offset)))
      }
      return region
    }
    return try HDF5Library.exclusively { () throws(HDF5Fault) in try unpack(dataset, size) }
  }

  private func unpack(_ dataset: HDF5Contents.Dataset, _ size: Int) throws(HDF5Fault) -> ByteRegion {
    let handle = unsafe H5Dopen2(file, dataset.path, 0)
    guard handle >= 0 else { throw .damaged(path: path, object: dataset.path, reason: HDF5Library.reason()) }
    defer { H5Dclose(handle) }
    let stored = Int(clamping: H5Dget_storage_size(handle))
    let limit = min(
      Self.sizeLimit, max(Self.unstoredLimit, min(stored, bytes.count).multipliedClamping(by: Self.ratioLimit)))
    guard size <= limit else { throw .tooLarge(path: path, object: dataset.path, bytes: size, limit: limit) }
    if let filter = unavailableFilter(handle) {
      throw .unsupported(path: path, object: dataset.path, feature: "compression by filter \(filter)")
    }
    guard let type = memoryType(dataset.type, handle) else {
      throw .unsupported(path: path, object: dataset.path, feature: "an array of \(dataset.type)")
    }
    defer { H5Tclose(type) }
    return try ByteRegion(count: size) { (span) throws(HDF5Fault) in
      let status = unsafe span.withUnsafeMutableBytes { unsafe H5Dread(handle, type, 0, 0, 0, $0.baseAddress) }
      guard status >= 0 else { throw .damaged(path: path, object: dataset.path, reason: HDF5Library.reason()) }
    }
  }

  /// The number of a filter that this libhdf5 lacks: filters beyond its own would be plug-ins, which are not loaded.
  private func unavailableFilter(_ dataset: hid_t) -> H5Z_filter_t? {
    let creation = H5Dget_create_plist(dataset)
    defer { H5Pclose(creation) }
    for index in 0..<max(0, H5Pget_nfilters(creation)) {
      var flags: UInt32 = 0
      var count = 0
      let filter = unsafe H5Pget_filter2(creation, UInt32(index), &flags, &count, nil, 0, nil, nil)
      if filter >= 0, H5Zfilter_avail(filter) <= 0 { return filter }
    }
    return nil
  }

  private func memoryType(_ type: HDF5ElementType, _ dataset: hid_t) -> hid_t? {
    switch type {
    case .boolean, .bfloat16, .opaque:
      // Taken as they lie in the file: one byte has no order, and the other is brought to little-endian.
      let own = H5Dget_type(dataset)
      if type == .bfloat16 { H5Tset_order(own, H5T_ORDER_LE) }
      return own
    default: return HDF5Writer.fileType(type)
    }
  }
}

extension Int {
  fileprivate func multipliedClamping(by factor: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: factor)
    return overflow ? .max : product
  }
}
