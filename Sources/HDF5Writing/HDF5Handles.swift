import AviaryHDF5
import CHDF5

/// Types and attributes as libhdf5's handles. Runs under `HDF5Library.exclusively`.
enum HDF5Handles {
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
    case .floats(let values): writeNumbers(values, false, attribute.name, aviary_h5_float32(), object)
    case .elements, .other: false
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
