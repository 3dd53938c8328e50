import CHDF5

/// What libhdf5's type handles mean.
enum HDF5Types {
  static func element(_ type: hid_t) -> HDF5ElementType {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_INTEGER:
      guard [1, 2, 4, 8].contains(size), H5Tget_precision(type) == size * 8 else { return .other("integer") }
      return .integer(bytes: size, signed: H5Tget_sign(type) == H5T_SGN_2)
    case H5T_FLOAT: return float(type, size)
    case H5T_STRING: return .text
    case H5T_ENUM: return isBoolean(type, size) ? .boolean : .other("enumeration")
    case H5T_COMPOUND: return .other("compound")
    case H5T_REFERENCE: return .other("reference")
    case H5T_OPAQUE: return size > 0 ? .opaque(bytes: size) : .other("opaque")
    case H5T_VLEN: return .other("variable-length")
    case H5T_ARRAY: return .other("array")
    case H5T_BITFIELD: return .other("bit field")
    case H5T_TIME: return .other("time")
    default: return .other("unknown type")
    }
  }

  /// Tells the IEEE formats and bfloat16 by their fields: a type's size alone does not say what its bits mean.
  private static func float(_ type: hid_t, _ size: Int) -> HDF5ElementType {
    var sign = 0
    var exponentAt = 0
    var exponentBits = 0
    var mantissaAt = 0
    var mantissaBits = 0
    guard unsafe H5Tget_fields(type, &sign, &exponentAt, &exponentBits, &mantissaAt, &mantissaBits) >= 0 else {
      return .other("floating-point")
    }
    let fields = [sign, exponentAt, exponentBits, mantissaAt, mantissaBits, H5Tget_ebias(type)]
    switch (size, fields) {
    case (2, [15, 10, 5, 0, 10, 15]): return .float(bytes: 2)
    case (2, [15, 7, 8, 0, 7, 127]): return .bfloat16
    case (4, [31, 23, 8, 0, 23, 127]): return .float(bytes: 4)
    case (8, [63, 52, 11, 0, 52, 1023]): return .float(bytes: 8)
    default: return .other("floating-point of \(size) bytes")
    }
  }

  private static func isBoolean(_ type: hid_t, _ size: Int) -> Bool {
    guard size == 1, H5Tget_nmembers(type) == 2 else { return false }
    return (0 as UInt32..<2).allSatisfy { index in
      guard let name = unsafe H5Tget_member_name(type, index) else { return false }
      defer { unsafe H5free_memory(name) }
      var value: UInt8 = 0
      guard unsafe H5Tget_member_value(type, index, &value) >= 0, value < 2 else { return false }
      return unsafe String(cString: name) == (value == 0 ? "FALSE" : "TRUE")
    }
  }

  static func isLittleEndian(_ type: hid_t) -> Bool {
    H5Tget_size(type) == 1 || H5Tget_order(type) == H5T_ORDER_LE
  }
}
