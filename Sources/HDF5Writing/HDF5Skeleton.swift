import AviaryArchives
import AviaryHDF5
import CHDF5

/// The structure of a file without its datasets' bytes, as libhdf5 makes it: groups, headers, types, attributes.
///
/// libhdf5 works in memory, where nothing can fail as a disk does: on a full disk it crashes, or says that all is well. The
/// bytes of datasets never pass through it.
struct HDF5Skeleton {
  let image: [UInt8]
  /// Addresses of the object headers of datasets, by path.
  let headers: [String: UInt64]

  init(of items: [HDF5Item], path: String) throws(HDF5Fault) {
    self = try HDF5Library.exclusively { () throws(HDF5Fault) in try Self.made(of: items, path: path) }
  }

  private init(image: [UInt8], headers: [String: UInt64]) {
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
    // A name that no file has, since nothing lies below one: libhdf5 would read it first. 2 is H5F_ACC_TRUNC.
    let file = unsafe H5Fcreate(path + "/structure", 2, 0, access)
    try require(file >= 0, "the file")
    var isOpen = true
    defer { if isOpen { H5Fclose(file) } }

    let links = H5Pcreate(aviary_h5_link_create())
    defer { H5Pclose(links) }
    try require(H5Pset_create_intermediate_group(links, 1) >= 0, "the file")

    var made: Set<String> = [""]
    var headers: [String: UInt64] = [:]
    for item in items {
      let object: hid_t
      switch item.content {
      case .group:
        object =
          made.contains(item.path)
          ? unsafe H5Oopen(file, item.path.isEmpty ? "/" : item.path, 0)
          : unsafe H5Gcreate2(file, item.path, links, 0, 0)
      case .dataset(let type, let shape, let bytes):
        object = try dataset(file, item.path, type, shape, bytes, links: links, path: path)
      case .texts(let texts):
        object = try textDataset(file, item.path, texts, links: links, path: path)
      }
      try require(object >= 0, item.path)
      defer { H5Oclose(object) }
      // The groups on the way exist now, too.
      var rest = item.path[...]
      while made.insert(String(rest)).inserted, let slash = rest.lastIndex(of: "/") { rest = rest[..<slash] }
      for attribute in item.attributes {
        let what = "attribute '\(attribute.name)' of \(item.path.isEmpty ? "the root group" : item.path)"
        let texts = [attribute.name] + (attribute.value.texts ?? [])
        if texts.contains(where: { $0.utf8.contains(0) }) {
          throw .cannotWrite(path: path, object: what, reason: "it contains a zero byte, which ends a text in HDF5")
        }
        try require(HDF5Handles.write(attribute, on: object), what)
      }
      if case .dataset = item.content {
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

  /// A dataset whose bytes libhdf5 never sees: it is left without an address.
  private static func dataset(
    _ file: hid_t, _ name: String, _ type: HDF5ElementType, _ shape: [Int], _ bytes: ByteRegion, links: hid_t,
    path: String
  ) throws(HDF5Fault) -> hid_t {
    guard let size = type.size, let stored = HDF5Handles.fileType(type), shape.allSatisfy({ $0 >= 0 }),
      shape.reduce(1, *) * size == bytes.count
    else {
      throw .cannotWrite(path: path, object: name, reason: "\(bytes.count) bytes do not make \(type) of shape \(shape)")
    }
    defer { H5Tclose(stored) }
    let extents = shape.map { hsize_t($0) }
    let space = shape.isEmpty ? H5Screate(H5S_SCALAR) : unsafe H5Screate_simple(Int32(shape.count), extents, nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    return create(file, name, stored, space, links)
  }

  /// Without the time at which it is created, so that the same content makes the same file.
  private static func create(_ file: hid_t, _ name: String, _ type: hid_t, _ space: hid_t, _ links: hid_t) -> hid_t {
    let creation = H5Pcreate(aviary_h5_dataset_create())
    defer { H5Pclose(creation) }
    guard creation >= 0, H5Pset_obj_track_times(creation, false) >= 0 else { return -1 }
    return unsafe H5Dcreate2(file, name, type, space, links, creation, 0)
  }

  private static func textDataset(
    _ file: hid_t, _ name: String, _ texts: [String], links: hid_t, path: String
  ) throws(HDF5Fault) -> hid_t {
    if texts.contains(where: { $0.utf8.contains(0) }) {
      throw .cannotWrite(path: path, object: name, reason: "it contains a zero byte, which ends a text in HDF5")
    }
    let type = HDF5Handles.textType()
    defer { H5Tclose(type) }
    let space = unsafe H5Screate_simple(1, [hsize_t(texts.count)], nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    let dataset = create(file, name, type, space, links)
    guard dataset >= 0, !texts.isEmpty else { return dataset }
    let status = unsafe HDF5Handles.withAddresses(of: texts) { unsafe H5Dwrite(dataset, type, 0, 0, 0, $0) }
    guard status >= 0 else {
      let reason = HDF5Library.reason()
      H5Dclose(dataset)
      throw .cannotWrite(path: path, object: name, reason: reason)
    }
    return dataset
  }
}
