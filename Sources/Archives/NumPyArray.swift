import AviaryDiagnostics

/// An array of numbers or texts as NumPy stores it: in an `.npy` file, or in a pickle.
///
/// Elements are converted when they are read, always in row-major order.
public struct NumPyArray: Sendable {
  /// The type of an element, and its bytes.
  public enum Element: Sendable, Equatable {
    case boolean
    case signed(Int)
    case unsigned(Int)
    case floating(Int)
    /// Two floating-point numbers, of this many bytes together.
    case complex(Int)
    /// `S`: bytes, padded with zeros.
    case bytes(Int)
    /// `U`: Unicode scalars of four bytes, padded with zeros.
    case text(Int)
    /// Python objects; only texts are read.
    case objects
  }

  public let element: Element
  public let shape: [Int]
  /// Whether `bytes` are in column-major order.
  public let isFortranOrder: Bool
  public let isBigEndian: Bool
  /// The elements as stored; empty for an array of objects.
  public let bytes: ByteRegion
  /// The elements of an array of objects, in the order of the file.
  let objects: [String]

  public var count: Int { shape.reduce(1, *) }

  /// - Precondition: `bytes` has the size of all elements, whose number does not overflow.
  init(_ type: NumPyType, shape: [Int], isFortranOrder: Bool, bytes: ByteRegion) {
    element = type.element
    isBigEndian = type.isBigEndian
    self.shape = shape
    self.isFortranOrder = isFortranOrder
    self.bytes = bytes
    objects = []
    ensure(bytes.count == count * type.size, "NumPyArray: \(bytes.count) bytes for the shape \(shape)")
  }

  init(objects: [String], shape: [Int], isFortranOrder: Bool) {
    element = .objects
    isBigEndian = false
    self.shape = shape
    self.isFortranOrder = isFortranOrder
    bytes = ByteRegion([])
    self.objects = objects
    ensure(objects.count == count, "NumPyArray: \(objects.count) objects for the shape \(shape)")
  }
}

// MARK: - Elements

extension NumPyArray {
  /// Integers and booleans; `nil` where the elements are of other types, or one does not fit into `Int64`.
  public var integers: [Int]? {
    switch element {
    case .boolean: return numbers(UInt8.self) { $0 == 0 ? 0 : 1 }
    case .signed(1): return numbers(Int8.self) { Int($0) }
    case .signed(2): return numbers(Int16.self) { Int($0) }
    case .signed(4): return numbers(Int32.self) { Int($0) }
    case .signed: return numbers(Int64.self) { Int($0) }
    case .unsigned(1): return numbers(UInt8.self) { Int($0) }
    case .unsigned(2): return numbers(UInt16.self) { Int($0) }
    case .unsigned(4): return numbers(UInt32.self) { Int($0) }
    case .unsigned:
      let values = numbers(UInt64.self) { Int(exactly: $0) }
      let known = values.compactMap { $0 }
      return known.count == values.count ? known : nil
    case .floating, .complex, .bytes, .text, .objects: return nil
    }
  }

  /// Numbers of any type, rounded to Float32; `nil` where the elements are not numbers.
  public var floats: [Float]? {
    switch element {
    case .floating(2): numbers(UInt16.self) { Self.float(half: $0) }
    case .floating(4): numbers(UInt32.self) { Float(bitPattern: $0) }
    case .floating: numbers(UInt64.self) { Float(Double(bitPattern: $0)) }
    case .unsigned(8): numbers(UInt64.self) { Float($0) }
    default: integers.map { $0.map { Float($0) } }
    }
  }

  /// Texts; `nil` where the elements are not texts. Bytes are read as Latin-1, as Python 2 wrote them.
  public var texts: [String]? {
    switch element {
    case .objects: inRows(objects)
    case .bytes(let size): inRows(pieces(of: size) { Self.text($0.map { UInt32($0) }) })
    case .text(let length):
      inRows(
        pieces(of: 4 * length) { piece in
          Self.text(
            stride(from: 0, to: piece.count, by: 4).map { start in
              let four = isBigEndian ? Array(piece[start..<start + 4].reversed()) : Array(piece[start..<start + 4])
              return four.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            })
        })
    default: nil
    }
  }

  private func numbers<Stored: FixedWidthInteger & BitwiseCopyable, Output>(
    _ type: Stored.Type, _ convert: (Stored) -> Output
  ) -> [Output] {
    inRows(
      bytes.mapValues(of: type) { convert(isBigEndian ? Stored(bigEndian: $0) : Stored(littleEndian: $0)) })
  }

  private func pieces<Output>(of size: Int, _ convert: ([UInt8]) -> Output) -> [Output] {
    let all = bytes.array()
    return (0..<count).map { convert(Array(all[$0 * size..<($0 + 1) * size])) }
  }

  private static func text(_ scalars: [UInt32]) -> String {
    let used = scalars[..<((scalars.lastIndex { $0 != 0 } ?? -1) + 1)]
    return String(String.UnicodeScalarView(used.map { Unicode.Scalar($0) ?? "\u{fffd}" }))
  }

  /// IEEE 754 binary16.
  private static func float(half bits: UInt16) -> Float {
    let magnitude = bits & 0x7fff
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    switch magnitude >> 10 {
    case 0: return sign * Float(magnitude) * 0x1p-24
    case 31: return magnitude == 0x7c00 ? sign * .infinity : .nan
    default: return sign * Float(bitPattern: (UInt32(magnitude) << 13) + (112 << 23))
    }
  }

  /// Reorders the elements from the order of the file to row-major order.
  private func inRows<Value>(_ values: [Value]) -> [Value] {
    guard isFortranOrder, shape.count > 1, !values.isEmpty else { return values }
    var steps = [Int](repeating: 1, count: shape.count)
    for axis in 1..<shape.count { steps[axis] = steps[axis - 1] * shape[axis - 1] }
    var index = [Int](repeating: 0, count: shape.count)
    var place = 0
    return values.indices.map { _ in
      let value = values[place]
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < shape[axis] { break }
        place -= steps[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
      return value
    }
  }
}

// MARK: - Types

/// NumPy's name of an element type, such as `<f4` or `|S10`.
struct NumPyType: Equatable {
  let element: NumPyArray.Element
  let isBigEndian: Bool

  /// The bytes of an element.
  var size: Int {
    switch element {
    case .boolean: 1
    case .signed(let size), .unsigned(let size), .floating(let size), .complex(let size), .bytes(let size): size
    case .text(let length): 4 * length
    case .objects: 8
    }
  }

  /// `nil` for a type that is not supported: dates, records, numbers of unusual sizes.
  init?(_ name: String) {
    var name = Substring(name)
    var isBigEndian = false
    if let order = name.first, "<>|=".contains(order) {
      isBigEndian = order == ">"
      name = name.dropFirst()
    }
    guard let kind = name.first else { return nil }
    let digits = name.dropFirst()
    let size = Int(digits) ?? -1
    // No text is longer than a file, but its size is multiplied.
    guard digits.isEmpty || (0...0x1000_0000).contains(size) else { return nil }
    switch (kind, size) {
    case ("b", 1), ("?", -1): element = .boolean
    case ("i", 1), ("i", 2), ("i", 4), ("i", 8): element = .signed(size)
    case ("u", 1), ("u", 2), ("u", 4), ("u", 8): element = .unsigned(size)
    case ("f", 2), ("f", 4), ("f", 8): element = .floating(size)
    case ("c", 8), ("c", 16): element = .complex(size)
    case ("S", 0...), ("a", 0...): element = .bytes(size)
    case ("U", 0...): element = .text(size)
    case ("O", _): element = .objects
    default: return nil
    }
    self.isBigEndian = isBigEndian
  }

  /// The bytes of an array of the shape; `nil` where the shape is invalid or the number too large.
  func byteCount(of shape: [Int]) -> Int? {
    // The other axes of an empty array are multiplied, too, and must not overflow.
    var total = max(size, 1)
    for length in shape {
      guard length >= 0 else { return nil }
      let (product, overflow) = total.multipliedReportingOverflow(by: max(length, 1))
      guard !overflow else { return nil }
      total = product
    }
    if shape.contains(0) { return 0 }
    // Elements without bytes could have any number.
    return size == 0 ? nil : total
  }
}

/// Why a NumPy array cannot be read.
public enum NumPyFault: ArchiveFaultCarrying, Equatable, CustomStringConvertible {
  /// The file, or its ZIP archive, cannot be read.
  case archive(ArchiveFault)
  /// The pickle of an array of objects cannot be read.
  case pickle(PickleFault)
  /// The bytes do not begin like an `.npy` file.
  case notNumPy(path: String, array: String)
  /// A version of the format that is not 1, 2 or 3.
  case version(path: String, array: String, version: Int)
  /// The header does not describe an array.
  case header(path: String, array: String, reason: String)
  /// Elements of a type that is not supported, such as dates and records.
  case unsupportedType(path: String, array: String, type: String)
  /// The number of bytes does not match the shape, or the shape is too large.
  case size(path: String, array: String, shape: [Int], bytes: Int)
  /// Python objects that are not text, which are not supported.
  case objects(path: String, array: String)
  /// A pickle holds something other than the expected array or matrix.
  case notAnArray(path: String, expected: String)

  public var description: String {
    switch self {
    case .archive(let fault): fault.description
    case .pickle(let fault): fault.description
    case .notNumPy(let path, let array): "\(path): \(array) is not a NumPy array; write it with numpy.save"
    case .version(let path, let array, let version):
      "\(path): \(array) has version \(version) of the npy format; versions 1 to 3 are supported"
    case .header(let path, let array, let reason): "\(path): damaged: the header of \(array): \(reason)"
    case .unsupportedType(let path, let array, let type):
      "\(path): \(array) has elements of type '\(type.prefix(40))', which is not supported; convert it to numbers"
    case .size(let path, let array, let shape, let bytes):
      "\(path): damaged: \(array) has shape \(shape), which does not match its \(bytes) bytes"
    case .objects(let path, let array):
      "\(path): refused: \(array) holds Python objects that are not text; save numbers or text"
    case .notAnArray(let path, let expected): "\(path): does not hold \(expected)"
    }
  }
}
