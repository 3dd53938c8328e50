import AviaryHDF5

/// The type of a stored array's elements. The raw value is the name that `inspect` prints.
public enum Dtype: String, Sendable, CaseIterable {
  /// Floating-point numbers of 64, 32 and 16 bits.
  case float64, float32, float16, bfloat16
  /// Integers with a sign.
  case int64, int32, int16, int8
  /// Integers without a sign.
  case uint64, uint32, uint16, uint8
  /// Truth values, a byte each.
  case bool
  /// Two Float32, Float64 or Float16: real and imaginary part.
  case complex64, complex128, complex32
  /// The 8-bit formats, named as PyTorch names them; they are read as numbers, and nothing is rounded to them.
  case float8E4M3FN = "float8_e4m3fn"
  /// Floating-point numbers of 8 bits: the digits are those of exponent and mantissa.
  case float8E5M2 = "float8_e5m2"
  /// Floating-point numbers of 8 bits: the digits are those of exponent and mantissa.
  case float8E4M3FNUZ = "float8_e4m3fnuz"
  /// Floating-point numbers of 8 bits: the digits are those of exponent and mantissa.
  case float8E5M2FNUZ = "float8_e5m2fnuz"
  /// Floating-point numbers of 8 bits: the digits are those of exponent and mantissa.
  case float8E8M0FNU = "float8_e8m0fnu"
  /// Two numbers of 4 bits in a byte, which is what counts as an element; kept as they are and never converted.
  case float4E2M1Pair = "float4_e2m1fn_x2"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32, .complex32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU,
      .float4E2M1Pair:
      1
    case .complex128: 16
    }
  }

  /// Bytes of the numbers that byte order applies to.
  var partSize: Int {
    switch self {
    case .complex128: 8
    case .complex64: 4
    case .complex32: 2
    default: size
    }
  }

  /// Whether elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: isFloat8
    }
  }

  /// Whether an element is a floating-point number of one byte.
  public var isFloat8: Bool {
    switch self {
    case .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU: true
    default: false
    }
  }

  /// Whether elements can become Float32.
  public var isReal: Bool {
    switch self {
    case .complex64, .complex128, .complex32, .float4E2M1Pair: false
    default: true
    }
  }

  /// How HDF5 stores it; bfloat16 as uint16 with an attribute `dtype`, as Keras does.
  var hdf5: HDF5ElementType? {
    switch self {
    case .float64: .float(bytes: 8)
    case .float32: .float(bytes: 4)
    case .float16: .float(bytes: 2)
    case .bfloat16, .uint16: .integer(bytes: 2, signed: false)
    case .int64: .integer(bytes: 8, signed: true)
    case .int32: .integer(bytes: 4, signed: true)
    case .int16: .integer(bytes: 2, signed: true)
    case .int8: .integer(bytes: 1, signed: true)
    case .uint64: .integer(bytes: 8, signed: false)
    case .uint32: .integer(bytes: 4, signed: false)
    case .uint8: .integer(bytes: 1, signed: false)
    case .bool: .boolean
    case .complex64, .complex128, .complex32, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ,
      .float8E8M0FNU, .float4E2M1Pair:
      nil
    }
  }

  init?(_ type: HDF5ElementType, attributes: [HDF5Attribute]) {
    switch type {
    case .float(8): self = .float64
    case .float(4): self = .float32
    case .float(2): self = .float16
    case .bfloat16: self = .bfloat16
    case .integer(8, true): self = .int64
    case .integer(4, true): self = .int32
    case .integer(2, true): self = .int16
    case .integer(1, true): self = .int8
    case .integer(8, false): self = .uint64
    case .integer(4, false): self = .uint32
    case .integer(2, false): self = attributes["dtype"]?.text == "bfloat16" ? .bfloat16 : .uint16
    case .integer(1, false): self = .uint8
    case .opaque(2) where attributes["dtype"]?.text == "bfloat16": self = .bfloat16
    case .boolean: self = .bool
    default: return nil
    }
  }
}
