import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5
import CHDF5

/// Writes a new HDF5 file whose datasets grow row by row, so that they never have to fit into memory.
///
///     try HDF5RowWriter.write(to: "features.h5", filters: .deflate()) { writer in
///       try writer.addGroup("train", attributes: [HDF5Attribute("seed", .integer(7))])
///       for batch in batches { try writer.append(batch.features, width: 512, to: "train/features") }
///       return [HDF5Attribute("classes", .texts(classes))]
///     }
///
/// Datasets are chunked, so that their first axis can grow, and are created with their first rows. Names are paths from
/// the root, joined by slashes; intermediate groups are created.
public final class HDF5RowWriter {
  /// What a row is.
  private enum Kind: Equatable, CustomStringConvertible {
    case floats(width: Int)
    case integer
    case text

    /// The extents of a row.
    var extents: [Int] { if case .floats(let width) = self { [width] } else { [] } }

    /// Bytes of a row in its chunk, where a text is its length and its address.
    var bytes: Int {
      switch self {
      case .floats(let width): 4 * width
      case .integer: 8
      case .text: 16
      }
    }

    /// A new handle, which the caller closes.
    var type: hid_t {
      switch self {
      case .floats: H5Tcopy(aviary_h5_float32())
      case .integer: H5Tcopy(aviary_h5_int64())
      case .text: HDF5Handles.textType()
      }
    }

    var description: String {
      switch self {
      case .floats(let width): "rows of \(width) numbers"
      case .integer: "integers"
      case .text: "texts"
      }
    }
  }

  private struct Column {
    let dataset: hid_t
    let type: hid_t
    let kind: Kind
    var rows = 0
  }

  private let file: hid_t
  /// The file's name once it is finished, for faults.
  private let path: String
  private let filters: HDF5Filters
  private var columns = ExactDictionary<Column>()
  private var isOpen = true

  /// Writes the file at `path`, durably: the new file replaces the old one when `fill` has returned, and only then. Where
  /// `fill` or the writing fails, `path` keeps what it held before.
  ///
  /// - Parameters:
  ///   - filters: what the chunks of numbers pass through. Texts of any length are stored outside of chunks, unfiltered.
  ///   - fill: appends rows, and returns the attributes of the root group.
  ///   - path: of the file.
  /// - Throws: `HDF5Fault`, and what `fill` throws.
  public static func write(
    to path: String, filters: HDF5Filters = .none, _ fill: (HDF5RowWriter) throws -> [HDF5Attribute]
  ) throws {
    try filters.check(path: path, object: "the file")
    do throws(Interruption) {
      try writeDurably(to: path) { (temporary) throws(Interruption) in
        do {
          let writer = try HDF5RowWriter(temporary, path: path, filters)
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

  /// What ends the writing: a fault of the file, or an error of `fill`.
  private enum Interruption: ArchiveFaultCarrying {
    case archive(ArchiveFault)
    case fault(any Swift.Error)
  }

  private init(_ temporary: String, path: String, _ filters: HDF5Filters) throws(HDF5Fault) {
    self.path = path
    self.filters = filters
    file = HDF5Library.exclusively {
      let access = H5Pcreate(aviary_h5_file_access())
      defer { H5Pclose(access) }
      // `writeDurably` has locked the file already. 2 is H5F_ACC_TRUNC.
      return aviary_h5_lock_nothing(access) < 0 ? -1 : unsafe H5Fcreate(PathText.cString(temporary), 2, 0, access)
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
    unsafe try append(name, rows: floats.count / width, .floats(width: width)) { put in
      unsafe floats.withUnsafeBytes { unsafe put($0.baseAddress) }
    }
  }

  /// Appends numbers to a dataset of [rows].
  public func append(_ integers: [Int64], to name: String) throws(HDF5Fault) {
    unsafe try append(name, rows: integers.count, .integer) { put in
      unsafe integers.withUnsafeBytes { unsafe put($0.baseAddress) }
    }
  }

  /// Appends texts of any length to a dataset of [rows].
  public func append(_ texts: [String], to name: String) throws(HDF5Fault) {
    for text in texts { try HDF5Handles.checkText(text, path: path, object: name) }
    unsafe try append(name, rows: texts.count, .text) { put in
      unsafe HDF5Handles.withAddresses(of: texts) { unsafe put($0) }
    }
  }

  /// Appends rows that `write` hands to the function it is given.
  private func append(
    _ name: String, rows: Int, _ kind: Kind, _ write: ((UnsafeRawPointer?) -> herr_t) -> herr_t
  ) throws(HDF5Fault) {
    guard rows > 0 else { return }
    let name = Self.normalized(name)
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      if columns[name] == nil { columns[name] = try newColumn(name, kind) }
      guard var column = columns[name] else { return }
      guard column.kind == kind else {
        throw .cannotWrite(path: path, object: name, reason: "\(kind) cannot follow \(column.kind)")
      }
      let tail = kind.extents.map { hsize_t($0) }
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

  /// A new dataset without rows.
  private func newColumn(_ name: String, _ kind: Kind) throws(HDF5Fault) -> Column {
    try HDF5Handles.checkText(name, path: path, object: "a name")
    let tail = kind.extents.map { hsize_t($0) }
    let space = unsafe H5Screate_simple(Int32(1 + tail.count), [0] + tail, [aviary_h5_unlimited()] + tail)
    defer { H5Sclose(space) }
    let filters = kind == .text ? .none : filters
    let creation = filters.properties(chunk: [max(1, HDF5Filters.chunkBytes / kind.bytes)] + kind.extents)
    defer { H5Pclose(creation) }
    let links = HDF5Handles.linkProperties()
    defer { H5Pclose(links) }
    guard creation >= 0, links >= 0 else { throw fault(name) }
    let type = kind.type
    let dataset = unsafe H5Dcreate2(file, name, type, space, links, creation, 0)
    guard dataset >= 0 else {
      let fault = fault(name)
      H5Tclose(type)
      throw fault
    }
    return Column(dataset: dataset, type: type, kind: kind)
  }

  // MARK: - Groups and attributes

  /// Creates a group and intermediate groups, unless they exist, and writes the group's attributes.
  public func addGroup(_ path: String, attributes: [HDF5Attribute] = []) throws(HDF5Fault) {
    let name = Self.normalized(path)
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      try HDF5Handles.checkText(name, path: self.path, object: "a name")
      let links = HDF5Handles.linkProperties()
      defer { H5Pclose(links) }
      // An existing object opens as a group only if it is one.
      var group = unsafe H5Gopen2(file, name.isEmpty ? "/" : name, 0)
      if group < 0 { group = unsafe H5Gcreate2(file, name, links, 0, 0) }
      guard group >= 0 else { throw fault(name) }
      defer { H5Gclose(group) }
      try HDF5Handles.write(attributes, on: group, path: self.path, object: name)
    }
  }

  /// Writes attributes of a group or dataset that exists, the root group by default. Attributes of the same names are
  /// replaced.
  ///
  /// - Throws: `HDF5Fault.cannotWrite` where there is no such object; a dataset is created with its first rows.
  public func setAttributes(_ attributes: [HDF5Attribute], of path: String = "") throws(HDF5Fault) {
    let name = Self.normalized(path)
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      try HDF5Handles.checkText(name, path: self.path, object: "a name")
      let object = unsafe H5Oopen(file, name.isEmpty ? "/" : name, 0)
      guard object >= 0 else { throw fault(name) }
      defer { H5Oclose(object) }
      try HDF5Handles.write(attributes, on: object, path: self.path, object: name)
    }
  }

  /// The path as a key: without slashes at its ends.
  private static func normalized(_ path: String) -> String { path.split(separator: "/").joined(separator: "/") }

  private func fault(_ object: String) -> HDF5Fault {
    .cannotWrite(path: path, object: object, reason: HDF5Library.reason())
  }

  // MARK: - The end

  private func finish(_ attributes: [HDF5Attribute]) throws(HDF5Fault) {
    try setAttributes(attributes)
    try HDF5Library.exclusively { () throws(HDF5Fault) in
      guard close() else { throw fault("the file") }
    }
  }

  private func abandon() {
    HDF5Library.exclusively { _ = close() }
  }

  /// Closes everything once, and returns whether that succeeded: libhdf5 writes what it has cached only now.
  private func close() -> Bool {
    guard isOpen else { return true }
    isOpen = false
    var went = true
    for name in columns.names {
      guard let column = columns[name] else { continue }
      went = H5Dclose(column.dataset) >= 0 && went
      H5Tclose(column.type)
    }
    return H5Fclose(file) >= 0 && went
  }
}
