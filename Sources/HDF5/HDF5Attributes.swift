import CHDF5

/// Reads the attributes of one object.
enum HDF5Attributes {
  static let countLimit = 10_000
  /// Bytes that one attribute may have, without what its strings refer to.
  static let sizeLimit = 64 << 20

  static func read(
    _ object: hid_t, _ name: String, _ path: String, _ fileSize: Int
  ) throws(HDF5Fault) -> [HDF5Attribute] {
    let whole = name.isEmpty ? "the root group" : name
    guard let names = unsafe HDF5Library.names(limit: countLimit, { unsafe aviary_h5_each_attribute(object, $0, $1) })
    else { throw .damaged(path: path, object: whole, reason: HDF5Library.reason()) }
    guard names.count <= countLimit else {
      throw .tooMany(path: path, what: "attributes of one object", limit: countLimit)
    }
    var attributes: [HDF5Attribute] = []
    for attributeName in names {
      let handle = unsafe H5Aopen(object, attributeName, 0)
      let what = "attribute '\(attributeName)' of \(whole)"
      guard handle >= 0 else { throw .damaged(path: path, object: what, reason: HDF5Library.reason()) }
      defer { H5Aclose(handle) }
      let size = Int(clamping: H5Aget_storage_size(handle))
      let limit = min(sizeLimit, fileSize)
      guard size <= limit else { throw .tooLarge(path: path, object: what, bytes: size, limit: limit) }
      guard let value = value(handle) else {
        throw .damaged(path: path, object: what, reason: HDF5Library.reason())
      }
      attributes.append(.init(attributeName, value))
    }
    return attributes
  }

  private static func value(_ attribute: hid_t) -> HDF5Value? {
    let type = H5Aget_type(attribute)
    let space = H5Aget_space(attribute)
    guard type >= 0, space >= 0 else { return nil }
    defer {
      H5Tclose(type)
      H5Sclose(space)
    }
    let extent = H5Sget_simple_extent_type(space)
    let count = extent == H5S_NULL ? 0 : Int(clamping: H5Sget_simple_extent_npoints(space))
    // libhdf5 hands out whole elements, so their number is held against the limit once more.
    guard count >= 0, count <= sizeLimit / max(1, min(H5Tget_size(type), sizeLimit)) else { return nil }
    let scalar = extent == H5S_SCALAR
    switch H5Tget_class(type) {
    case H5T_STRING:
      guard
        let texts = H5Tis_variable_str(type) > 0
          ? variableTexts(attribute, type, space, count) : fixedTexts(attribute, type, count)
      else { return nil }
      return scalar && texts.count == 1 ? .text(texts[0]) : .texts(texts)
    case H5T_INTEGER:
      guard let values: [Int64] = numbers(attribute, aviary_h5_int64(), count) else { return nil }
      return scalar && count == 1 ? .integer(values[0]) : .integers(values)
    case H5T_FLOAT:
      guard let values: [Double] = numbers(attribute, aviary_h5_float64(), count) else { return nil }
      return scalar && count == 1 ? .real(values[0]) : .reals(values)
    default:
      if case .other(let name) = HDF5Types.element(type) { return .other(name) }
      return .other("enumeration")
    }
  }

  private static func numbers<Number: BitwiseCopyable & ExpressibleByIntegerLiteral>(
    _ attribute: hid_t, _ type: hid_t, _ count: Int
  ) -> [Number]? {
    if count == 0 { return [] }
    var values = [Number](repeating: 0, count: count)
    let status = unsafe values.withUnsafeMutableBytes { unsafe H5Aread(attribute, type, $0.baseAddress) }
    return status < 0 ? nil : values
  }

  private static func fixedTexts(_ attribute: hid_t, _ type: hid_t, _ count: Int) -> [String]? {
    let size = H5Tget_size(type)
    if count == 0 || size == 0 { return [] }
    var bytes = [UInt8](repeating: 0, count: count * size)
    let status = unsafe bytes.withUnsafeMutableBytes { unsafe H5Aread(attribute, type, $0.baseAddress) }
    guard status >= 0 else { return nil }
    let spacePadded = H5Tget_strpad(type) == H5T_STR_SPACEPAD
    return (0..<count).map { index in
      var text = bytes[index * size..<(index + 1) * size]
      if spacePadded {
        while text.last == UInt8(ascii: " ") { text.removeLast() }
      } else if let end = text.firstIndex(of: 0) {
        text = text[..<end]
      }
      return String(decoding: text, as: UTF8.self)
    }
  }

  private static func variableTexts(_ attribute: hid_t, _ type: hid_t, _ space: hid_t, _ count: Int) -> [String]? {
    if count == 0 { return [] }
    // The character sets must agree or libhdf5 refuses to convert.
    let memory = HDF5Writer.textType(H5Tget_cset(type))
    defer { H5Tclose(memory) }
    var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    let status = unsafe pointers.withUnsafeMutableBytes { unsafe H5Aread(attribute, memory, $0.baseAddress) }
    guard status >= 0 else { return nil }
    let texts = unsafe pointers.map { unsafe $0.map { unsafe String(cString: $0) } ?? "" }
    _ = unsafe pointers.withUnsafeMutableBytes { unsafe H5Dvlen_reclaim(memory, space, 0, $0.baseAddress) }
    return texts
  }
}
