import AviaryArchives
import CHDF5

/// Lists groups, datasets and attributes of an open file. Runs under `HDF5Library.exclusively`.
struct HDF5Walk {
  let path: String
  /// Bytes of the file.
  let size: Int
  private var contents = HDF5Contents()
  /// Addresses of the groups listed, since hard links may form a circle.
  private var visited: Set<UInt64> = []

  static let depthLimit = 100
  static let objectLimit = 1_000_000

  init(path: String, size: Int) {
    self.path = path
    self.size = size
  }

  mutating func run(_ file: hid_t) throws(HDF5Fault) -> HDF5Contents {
    let root = unsafe H5Oopen(file, "/", 0)
    guard root >= 0 else { throw damaged("the root group") }
    defer { H5Oclose(root) }
    var info = aviary_h5_object()
    guard unsafe aviary_h5_object_info(root, ".", &info) >= 0 else { throw damaged("the root group") }
    visited.insert(info.address)
    try group(root, name: "", depth: 0)
    return contents
  }

  private func damaged(_ object: String) -> HDF5Fault {
    .damaged(path: path, object: object, reason: HDF5Library.reason())
  }

  private mutating func group(_ group: hid_t, name: String, depth: Int) throws(HDF5Fault) {
    guard depth <= Self.depthLimit else {
      throw .tooMany(path: path, what: "groups within one another", limit: Self.depthLimit)
    }
    contents.groups.append(.init(path: name, attributes: try HDF5Attributes.read(group, name, path, size)))
    let left = Self.objectLimit - contents.groups.count - contents.datasets.count
    let found = unsafe HDF5Library.names(limit: left) { unsafe aviary_h5_each_link(group, $0, $1) }
    guard let links = found else { throw damaged(name.isEmpty ? "the root group" : name) }
    guard links.count <= left else { throw .tooMany(path: path, what: "objects", limit: Self.objectLimit) }
    for link in links {
      let child = name.isEmpty ? link : name + "/" + link
      guard !link.isEmpty, link != ".", !link.utf8.contains(UInt8(ascii: "/")) else {
        contents.refusals.append(.init(path: child, reason: "its name cannot be part of a path"))
        continue
      }
      let kind = unsafe aviary_h5_link_kind(group, link)
      guard kind >= 0 else { throw damaged(child) }
      guard kind == 0 else {
        contents.refusals.append(.init(path: child, reason: "it is a soft or external link"))
        continue
      }
      try object(in: group, link: link, name: child, depth: depth)
    }
  }

  private mutating func object(in parent: hid_t, link: String, name: String, depth: Int) throws(HDF5Fault) {
    var info = aviary_h5_object()
    guard unsafe aviary_h5_object_info(parent, link, &info) >= 0 else { throw damaged(name) }
    switch info.type {
    case H5O_TYPE_GROUP:
      guard visited.insert(info.address).inserted else {
        contents.refusals.append(.init(path: name, reason: "it is another name of a group listed already"))
        return
      }
      let child = unsafe H5Oopen(parent, link, 0)
      guard child >= 0 else { throw damaged(name) }
      defer { H5Oclose(child) }
      try group(child, name: name, depth: depth + 1)
    case H5O_TYPE_DATASET:
      let child = unsafe H5Dopen2(parent, link, 0)
      guard child >= 0 else { throw damaged(name) }
      defer { H5Dclose(child) }
      try dataset(child, name: name)
    default:
      contents.refusals.append(.init(path: name, reason: "it is neither a group nor a dataset"))
    }
  }

  private mutating func dataset(_ dataset: hid_t, name: String) throws(HDF5Fault) {
    let creation = H5Dget_create_plist(dataset)
    guard creation >= 0 else { throw damaged(name) }
    defer { H5Pclose(creation) }
    let layout = H5Pget_layout(creation)
    if layout == H5D_VIRTUAL {
      contents.refusals.append(.init(path: name, reason: "it is put together from other files"))
      return
    }
    if H5Pget_external_count(creation) != 0 {
      contents.refusals.append(.init(path: name, reason: "its bytes lie in another file"))
      return
    }
    let type = H5Dget_type(dataset)
    guard type >= 0 else { throw damaged(name) }
    defer { H5Tclose(type) }
    let element = HDF5Types.element(type)
    let shape = try self.shape(dataset, name: name)
    var bytes = element.size
    for extent in shape {
      guard let so = bytes else { break }
      let (product, overflow) = so.multipliedReportingOverflow(by: extent)
      bytes = overflow ? nil : product
    }
    if element.size != nil, bytes == nil {
      throw .tooLarge(path: path, object: name, bytes: .max, limit: HDF5Reader.sizeLimit)
    }
    let isPlain = layout == H5D_CONTIGUOUS && HDF5Types.isLittleEndian(type)
    let address = isPlain ? H5Dget_offset(dataset) : haddr_t.max
    if layout == H5D_CONTIGUOUS, let bytes, bytes > size, bytes > HDF5Reader.unstoredLimit {
      throw .archive(.truncated(path: path, part: name, needed: bytes, available: size))
    }
    contents.datasets.append(
      .init(
        path: name, type: element, shape: shape, attributes: try HDF5Attributes.read(dataset, name, path, size),
        byteCount: bytes, offset: address == .max ? nil : Int(exactly: address)))
  }

  private func shape(_ dataset: hid_t, name: String) throws(HDF5Fault) -> [Int] {
    let space = H5Dget_space(dataset)
    guard space >= 0 else { throw damaged(name) }
    defer { H5Sclose(space) }
    if H5Sget_simple_extent_type(space) == H5S_NULL { return [0] }
    let rank = H5Sget_simple_extent_ndims(space)
    guard rank >= 0, rank <= 32 else { throw damaged(name) }
    var extents = [hsize_t](repeating: 0, count: Int(rank))
    if rank > 0, unsafe H5Sget_simple_extent_dims(space, &extents, nil) < 0 { throw damaged(name) }
    return extents.map { Int(clamping: $0) }
  }
}
