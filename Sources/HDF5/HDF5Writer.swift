import AviaryArchives
import CHDF5

/// Writing HDF5 files that every tool reads.
public enum HDF5Writer {
  /// Writes `items` as the file at `path`, durably: `path` holds the old file or the whole new one.
  ///
  /// Groups on the way to an item are made. Datasets are contiguous, in the order given, each at a multiple of 64
  /// bytes, so that a mapped file's memory can be used in place. The file is in the earliest form of the format.
  public static func write(_ items: [HDF5Item], to path: String) throws(HDF5Fault) {
    try writeDurably(to: path) { (temporary) throws(HDF5Fault) in
      try HDF5Library.exclusively { () throws(HDF5Fault) in
        try write(items, into: temporary, path: path)
      }
    }
  }

  private static func write(_ items: [HDF5Item], into temporary: String, path: String) throws(HDF5Fault) {
    func require(_ status: Bool, _ object: String) throws(HDF5Fault) {
      guard status else { throw .cannotWrite(path: path, object: object, reason: HDF5Library.reason()) }
    }
    let access = H5Pcreate(aviary_h5_file_access())
    defer { H5Pclose(access) }
    try require(H5Pset_alignment(access, 1, 64) >= 0, "the file")
    // 2 is H5F_ACC_TRUNC.
    let file = unsafe H5Fcreate(temporary, 2, 0, access)
    try require(file >= 0, "the file")
    var isOpen = true
    defer { if isOpen { H5Fclose(file) } }

    let links = H5Pcreate(aviary_h5_link_create())
    defer { H5Pclose(links) }
    try require(H5Pset_create_intermediate_group(links, 1) >= 0, "the file")

    var made: Set<String> = [""]
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
        try require(write(attribute, on: object), what)
      }
    }
    isOpen = false
    try require(H5Fclose(file) >= 0, "the file")
  }

  private static func dataset(
    _ file: hid_t, _ name: String, _ type: HDF5ElementType, _ shape: [Int], _ bytes: ByteRegion, links: hid_t,
    path: String
  ) throws(HDF5Fault) -> hid_t {
    guard let size = type.size, let stored = fileType(type), shape.allSatisfy({ $0 >= 0 }),
      shape.reduce(1, *) * size == bytes.count
    else {
      throw .cannotWrite(path: path, object: name, reason: "\(bytes.count) bytes do not make \(type) of shape \(shape)")
    }
    defer { H5Tclose(stored) }
    let extents = shape.map { hsize_t($0) }
    let space = shape.isEmpty ? H5Screate(H5S_SCALAR) : unsafe H5Screate_simple(Int32(shape.count), extents, nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    let dataset = unsafe H5Dcreate2(file, name, stored, space, links, 0, 0)
    guard dataset >= 0, bytes.count > 0 else { return dataset }
    let status = bytes.withBytes { span in
      unsafe span.withUnsafeBytes { unsafe H5Dwrite(dataset, stored, 0, 0, 0, $0.baseAddress) }
    }
    guard status >= 0 else {
      let reason = HDF5Library.reason()
      H5Dclose(dataset)
      throw .cannotWrite(path: path, object: name, reason: reason)
    }
    return dataset
  }

  private static func textDataset(
    _ file: hid_t, _ name: String, _ texts: [String], links: hid_t, path: String
  ) throws(HDF5Fault) -> hid_t {
    if texts.contains(where: { $0.utf8.contains(0) }) {
      throw .cannotWrite(path: path, object: name, reason: "it contains a zero byte, which ends a text in HDF5")
    }
    let type = textType()
    defer { H5Tclose(type) }
    let space = unsafe H5Screate_simple(1, [hsize_t(texts.count)], nil)
    guard space >= 0 else { return space }
    defer { H5Sclose(space) }
    let dataset = unsafe H5Dcreate2(file, name, type, space, links, 0, 0)
    guard dataset >= 0, !texts.isEmpty else { return dataset }
    let status = unsafe withAddresses(of: texts) { unsafe H5Dwrite(dataset, type, 0, 0, 0, $0) }
    guard status >= 0 else {
      let reason = HDF5Library.reason()
      H5Dclose(dataset)
      throw .cannotWrite(path: path, object: name, reason: reason)
    }
    return dataset
  }

  /// A new type handle, which the caller closes.
  static func fileType(_ type: HDF5ElementType) -> hid_t? {
    switch type {
    case .integer(1, true): H5Tcopy(aviary_h5_int8())
    case .integer(2, true): H5Tcopy(aviary_h5_int16())
    case .integer(4, true): H5Tcopy(aviary_h5_int32())
    case .integer(8, true): H5Tcopy(aviary_h5_int64())
    case .integer(1, false): H5Tcopy(aviary_h5_uint8())
    case .integer(2, false): H5Tcopy(aviary_h5_uint16())
    case .integer(4, false): H5Tcopy(aviary_h5_uint32())
    case .integer(8, false): H5Tcopy(aviary_h5_uint64())
    case .float(2): aviary_h5_float16()
    case .float(4): H5Tcopy(aviary_h5_float32())
    case .float(8): H5Tcopy(aviary_h5_float64())
    case .boolean: booleanType()
    default: nil
    }
  }

  private static func booleanType() -> hid_t {
    let type = H5Tenum_create(aviary_h5_int8())
    for (name, value) in [("FALSE", Int8(0)), ("TRUE", 1)] {
      var value = value
      unsafe H5Tenum_insert(type, name, &value)
    }
    return type
  }

  /// A variable-length UTF-8 string type, which the caller closes. Its bytes lie outside the object header, whose
  /// 64 KiB they would otherwise have to fit.
  static func textType(_ characterSet: H5T_cset_t = H5T_CSET_UTF8) -> hid_t {
    let type = H5Tcopy(aviary_h5_c_string())
    H5Tset_size(type, -1)
    H5Tset_cset(type, characterSet)
    return type
  }

  static func write(_ attribute: HDF5Attribute, on object: hid_t) -> Bool {
    switch attribute.value {
    case .text(let text): writeTexts([text], scalar: true, attribute.name, object)
    case .texts(let texts): writeTexts(texts, scalar: false, attribute.name, object)
    case .integer(let value): writeNumbers([value], true, attribute.name, aviary_h5_int64(), object)
    case .integers(let values): writeNumbers(values, false, attribute.name, aviary_h5_int64(), object)
    case .checksum(let value): writeNumbers([value], true, attribute.name, aviary_h5_uint32(), object)
    case .real(let value): writeNumbers([value], true, attribute.name, aviary_h5_float64(), object)
    case .reals(let values): writeNumbers(values, false, attribute.name, aviary_h5_float64(), object)
    case .other: false
    }
  }

  private static func writeNumbers<Number: BitwiseCopyable>(
    _ values: [Number], _ scalar: Bool, _ name: String, _ type: hid_t, _ object: hid_t
  ) -> Bool {
    create(name, type, count: scalar ? nil : values.count, on: object) { attribute in
      unsafe values.withUnsafeBytes { unsafe H5Awrite(attribute, type, $0.baseAddress) }
    }
  }

  private static func writeTexts(_ texts: [String], scalar: Bool, _ name: String, _ object: hid_t) -> Bool {
    let type = textType()
    defer { H5Tclose(type) }
    return create(name, type, count: scalar ? nil : texts.count, on: object) { attribute in
      unsafe withAddresses(of: texts) { unsafe H5Awrite(attribute, type, $0) }
    }
  }

  /// Calls `body` with the addresses of the texts, which lie in one buffer, each closed by a zero.
  static func withAddresses(of texts: [String], _ body: (UnsafeRawPointer?) -> herr_t) -> herr_t {
    var characters: [CChar] = []
    var starts: [Int] = []
    for text in texts {
      starts.append(characters.count)
      characters.append(contentsOf: text.utf8CString)
    }
    return unsafe characters.withUnsafeBufferPointer { buffer in
      let pointers = unsafe starts.map { start in unsafe buffer.baseAddress.map { base in unsafe base + start } }
      return unsafe pointers.withUnsafeBytes { unsafe body($0.baseAddress) }
    }
  }

  private static func create(
    _ name: String, _ type: hid_t, count: Int?, on object: hid_t, write: (hid_t) -> herr_t
  ) -> Bool {
    let space = count.map { unsafe H5Screate_simple(1, [hsize_t($0)], nil) } ?? H5Screate(H5S_SCALAR)
    guard space >= 0 else { return false }
    defer { H5Sclose(space) }
    let attribute = unsafe H5Acreate2(object, name, type, space, 0, 0)
    guard attribute >= 0 else { return false }
    defer { H5Aclose(attribute) }
    return count == 0 || write(attribute) >= 0
  }
}
