import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5
import CHDF5

/// The structure of a file without the bytes of contiguous datasets, as libhdf5 makes it: groups, headers, types,
/// attributes, and chunks that have passed through filters.
///
/// libhdf5 works in memory, where no disk can fail: on a full disk it crashes, or reports success. The bytes of contiguous
/// datasets never pass through it.
struct HDF5Skeleton {
  let image: [UInt8]
  /// Addresses of the object headers of contiguous datasets, by path.
  let headers: ExactDictionary<UInt64>

  init(of items: [HDF5Item], path: String) throws(HDF5Fault) {
    self = try HDF5Library.exclusively { () throws(HDF5Fault) in try Self.made(of: items, path: path) }
  }

  private init(image: [UInt8], headers: ExactDictionary<UInt64>) {
    self.image = image
    self.headers = headers
  }

  private static func made(of items: [HDF5Item], path: String) throws(HDF5Fault) -> HDF5Skeleton {
    func require(_ status: Bool, _ object: String) throws(HDF5Fault) {
      guard status else { throw .cannotWrite(path: path, object: object, reason: HDF5Library.reason()) }
    }
    let access = H5Pcreate(aviary_h5_file_access())
    defer { H5Pclose(access) }
    // In memory alone, which grows by a megabyte at a time.
    try require(H5Pset_fapl_core(access, 1 << 20, false) >= 0, "the file")
    // A name that no file has, since a file has nothing below it: libhdf5 would read it first. 2 is H5F_ACC_TRUNC.
    let file = unsafe H5Fcreate(PathText.cString(path + "/structure"), 2, 0, access)
    try require(file >= 0, "the file")
    var isOpen = true
    defer { if isOpen { H5Fclose(file) } }
    let links = HDF5Handles.linkProperties()
    defer { H5Pclose(links) }
    try require(links >= 0, "the file")

    var made = ExactSet([""])
    var headers = ExactDictionary<UInt64>()
    for item in items {
      try HDF5Handles.checkText(item.path, path: path, object: "a name")
      let object: hid_t
      switch item.content {
      case .group:
        object =
          made.contains(item.path)
          ? unsafe H5Oopen(file, item.path.isEmpty ? "/" : item.path, 0)
          : unsafe H5Gcreate2(file, item.path, links, 0, 0)
      case .dataset(let type, let shape, let bytes):
        object = try dataset(file, item, type, shape, bytes, links: links, path: path)
      case .texts(let texts):
        object = try textDataset(file, item.path, texts, links: links, path: path)
      }
      try require(object >= 0, item.path)
      defer { H5Oclose(object) }
      // The groups on the way exist now, too.
      var rest = item.path[...]
      while made.insert(String(rest)), let slash = rest.utf8.lastIndex(of: UInt8(ascii: "/")) { rest = rest[..<slash] }
      try HDF5Handles.write(item.attributes, on: object, path: path, object: item.path)
      if case .dataset = item.content, item.chunkShape == nil {
        var address: UInt64 = 0
        try require(unsafe aviary_h5_object_address(object, &address) >= 0, item.path)
        headers[item.path] = address
      }
    }
    try require(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0, "the file")
    let size = H5Fget_file_image(file, nil, 0)
    try require(size > 0, "the file")
    var image = [UInt8](repeating: 0, count: size)
    let got = unsafe image.withUnsafeMutableBytes { unsafe H5Fget_file_image(file, $0.baseAddress, $0.count) }
    try require(got == size, "the file")
    isOpen = false
    try require(H5Fclose(file) >= 0, "the file")
    return HDF5Skeleton(image: image, headers: headers)
  }

  /// A dataset of numbers. libhdf5 gets its bytes only where it is chunked; otherwise it is left without an address.
  private static func dataset(
    _ file: hid_t, _ item: HDF5Item, _ type: HDF5ElementType, _ shape: [Int], _ bytes: ByteRegion, links: hid_t,
    path: String
  ) throws(HDF5Fault) -> hid_t {
    guard let size = type.size, let stored = HDF5Handles.fileType(type), shape.allSatisfy({ $0 >= 0 }),
      shape.reduce(1, *) * size == bytes.count
    else {
      throw .cannotWrite(
        path: path, object: item.path, reason: "\(bytes.count) bytes do not make \(type) of shape \(shape)")
    }
    defer { H5Tclose(stored) }
    try item.filters.check(path: path, object: item.path)
    let chunk = item.chunkShape
    if let chunk, chunk.count != shape.count || chunk.contains(where: { $0 < 1 }) {
      throw .cannotWrite(path: path, object: item.path, reason: "chunks of \(chunk) do not go with shape \(shape)")
    }
    let extents = shape.map { hsize_t($0) }
    let space = shape.isEmpty ? H5Screate(H5S_SCALAR) : unsafe H5Screate_simple(Int32(shape.count), extents, nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    let dataset = create(file, item.path, stored, space, links, item.filters, chunk)
    guard dataset >= 0, chunk != nil else { return dataset }
    let status = bytes.withBytes { span in
      unsafe span.withUnsafeBytes { unsafe H5Dwrite(dataset, stored, 0, 0, 0, $0.baseAddress) }
    }
    guard status >= 0 else { throw abandoned(dataset, item.path, path) }
    return dataset
  }

  private static func create(
    _ file: hid_t, _ name: String, _ type: hid_t, _ space: hid_t, _ links: hid_t, _ filters: HDF5Filters = .none,
    _ chunk: [Int]? = nil
  ) -> hid_t {
    let creation = filters.properties(chunk: chunk)
    guard creation >= 0 else { return creation }
    defer { H5Pclose(creation) }
    return unsafe H5Dcreate2(file, name, type, space, links, creation, 0)
  }

  private static func textDataset(
    _ file: hid_t, _ name: String, _ texts: [String], links: hid_t, path: String
  ) throws(HDF5Fault) -> hid_t {
    for text in texts { try HDF5Handles.checkText(text, path: path, object: name) }
    let type = HDF5Handles.textType()
    defer { H5Tclose(type) }
    let space = unsafe H5Screate_simple(1, [hsize_t(texts.count)], nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    let dataset = create(file, name, type, space, links)
    guard dataset >= 0, !texts.isEmpty else { return dataset }
    let status = unsafe HDF5Handles.withAddresses(of: texts) { unsafe H5Dwrite(dataset, type, 0, 0, 0, $0) }
    guard status >= 0 else { throw abandoned(dataset, name, path) }
    return dataset
  }

  private static func abandoned(_ dataset: hid_t, _ name: String, _ path: String) -> HDF5Fault {
    let reason = HDF5Library.reason()
    H5Dclose(dataset)
    return .cannotWrite(path: path, object: name, reason: reason)
  }
}
