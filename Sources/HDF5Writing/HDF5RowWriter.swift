import AviaryArchives
import AviaryHDF5
import CHDF5

/// Datasets of a new HDF5 file that grow row by row: what they hold need never be in memory together.
///
/// They are chunked, so that their first axis can grow, and appear with their first rows.
public final class HDF5RowWriter {
  private struct Column {
    let dataset: hid_t
    let type: hid_t
    let width: Int?
    var rows = 0
  }

  /// About how many bytes of a dataset lie together.
  private static let chunkBytes = 1 << 16

  private let file: hid_t
  /// The file's name once it is finished, for faults.
  private let path: String
  private var columns: [String: Column] = [:]
  private var isOpen = true

  /// Writes the file at `path`, durably: it is there, whole, when `fill` has ended without a fault, and until then and
  /// otherwise what was there before is.
  ///
  /// - Parameter fill: Appends rows, and returns the attributes of the root group.
  public static func write(to path: String, _ fill: (HDF5RowWriter) throws -> [HDF5Attribute]) throws {
    do throws(Interruption) {
      try writeDurably(to: path) { (temporary) throws(Interruption) in
        do {
          let writer = try HDF5RowWriter(temporary, path: path)
          defer { writer.abandon() }
          try writer.finish(try fill(writer))
        } catch {
          throw .fault(error)
        }
      }
    } catch {
      switch error {
      case .archive(let fault): throw HDF5Fault.archive(fault)
      case .fault(let fault): throw fault
      }
    }
  }

  /// What ends the writing: of the file, or of who fills it.
  private enum Interruption: ArchiveFaultCarrying {
    case archive(ArchiveFault)
    case fault(any Swift.Error)
  }

  private init(_ temporary: String, path: String) throws(HDF5Fault) {
    self.path = path
    file = HDF5Library.exclusively {
      let access = H5Pcreate(aviary_h5_file_access())
      defer { H5Pclose(access) }
      // The file is locked already, by who writes durably. 2 is H5F_ACC_TRUNC.
      return aviary_h5_lock_nothing(access) < 0 ? -1 : unsafe H5Fcreate(temporary, 2, 0, access)
    }
    guard file >= 0 else {
      isOpen = false
      throw .cannotWrite(path: path, object: "the file", reason: HDF5Library.reason())
    }
  }

  // MARK: - Rows

  /// Appends rows of `width` Float32 to a dataset of [rows, width].
  public func append(_ floats: [Float], width: Int, to name: String) throws(HDF5Fault) {
    guard width > 0, floats.count % width == 0 else {
      throw .cannotWrite(path: path, object: name, reason: "\(floats.count) numbers do not make rows of \(width)")
    }
    unsafe try append(
      name, rows: floats.count / width, width: width, rowBytes: 4 * width, type: H5Tcopy(aviary_h5_float32())
    ) { put in
      unsafe floats.withUnsafeBytes { unsafe put($0.baseAddress) }
    }
  }

  /// Appends numbers to a dataset of [rows].
  public func append(_ integers: [Int64], to name: String) throws(HDF5Fault) {
    unsafe try append(name, rows: integers.count, width: nil, rowBytes: 8, type: H5Tcopy(aviary_h5_int64())) { put in
      unsafe integers.withUnsafeBytes { unsafe put($0.baseAddress) }
    }
  }

  /// Appends texts of any length to a dataset of [rows].
  public func append(_ texts: [String], to name: String) throws(HDF5Fault) {
    guard !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw .cannotWrite(path: path, object: name, reason: "it contains a zero byte, which ends a text in HDF5")
    }
    // In the dataset a text is its length and where it lies: 16 bytes.
    unsafe try append(name, rows: texts.count, width: nil, rowBytes: 16, type: HDF5Handles.textType()) { put in
      unsafe HDF5Handles.withAddresses(of: texts) { unsafe put($0) }
    }
  }

  /// Appends rows that `write` hands to the function it is given.
  private func append(
    _ name: String, rows: Int, width: Int?, rowBytes: Int, type: @autoclosure () -> hid_t,
    _ write: ((UnsafeRawPointer?) -> herr_t) -> herr_t
  ) throws(HDF5Fault) {
    guard rows > 0 else { return }
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      if columns[name] == nil { try create(name, width: width, rowBytes: rowBytes, type: type()) }
      guard var column = columns[name] else { return }
      guard column.width == width else {
        throw .cannotWrite(
          path: path, object: name, reason: "rows of \(width ?? 1) numbers follow rows of other widths")
      }
      let tail = width.map { [hsize_t($0)] } ?? []
      let (whole, start, count) = (
        [hsize_t(column.rows + rows)] + tail, [hsize_t(column.rows)] + tail.map { _ in 0 }, [hsize_t(rows)] + tail
      )
      guard unsafe H5Dset_extent(column.dataset, whole) >= 0 else { throw fault(name) }
      let target = H5Dget_space(column.dataset)
      defer { H5Sclose(target) }
      let source = unsafe H5Screate_simple(Int32(count.count), count, nil)
      defer { H5Sclose(source) }
      guard unsafe H5Sselect_hyperslab(target, H5S_SELECT_SET, start, nil, count, nil) >= 0,
        unsafe write({ unsafe H5Dwrite(column.dataset, column.type, source, target, 0, $0) }) >= 0
      else { throw fault(name) }
      column.rows += rows
      columns[name] = column
    }
  }

  /// A dataset without rows.
  private func create(_ name: String, width: Int?, rowBytes: Int, type: hid_t) throws(HDF5Fault) {
    let tail = width.map { [hsize_t($0)] } ?? []
    let rank = Int32(1 + tail.count)
    let space = unsafe H5Screate_simple(rank, [0] + tail, [aviary_h5_unlimited()] + tail)
    defer { H5Sclose(space) }
    let creation = H5Pcreate(aviary_h5_dataset_create())
    defer { H5Pclose(creation) }
    let chunk = [hsize_t(max(1, Self.chunkBytes / max(1, rowBytes)))] + tail
    let dataset =
      unsafe H5Pset_chunk(creation, rank, chunk) >= 0
      ? unsafe H5Dcreate2(file, name, type, space, 0, creation, 0) : -1
    guard dataset >= 0 else {
      let fault = fault(name)
      H5Tclose(type)
      throw fault
    }
    columns[name] = Column(dataset: dataset, type: type, width: width)
  }

  private func fault(_ object: String) -> HDF5Fault {
    .cannotWrite(path: path, object: object, reason: HDF5Library.reason())
  }

  // MARK: - The end

  private func finish(_ attributes: [HDF5Attribute]) throws(HDF5Fault) {
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      let root = unsafe H5Oopen(file, "/", 0)
      for attribute in attributes {
        guard root >= 0, HDF5Handles.write(attribute, on: root) else { throw fault("attribute '\(attribute.name)'") }
      }
      H5Oclose(root)
      guard close() else { throw fault("the file") }
    }
  }

  private func abandon() {
    HDF5Library.exclusively { _ = close() }
  }

  /// Closes everything once; whether it went well, which is when what was kept back has reached the file.
  private func close() -> Bool {
    guard isOpen else { return true }
    isOpen = false
    var went = true
    for column in columns.values {
      went = H5Dclose(column.dataset) >= 0 && went
      H5Tclose(column.type)
    }
    return H5Fclose(file) >= 0 && went
  }
}
