import AviaryArchives
import AviaryDiagnostics

extension StoredArray {
  /// The elements picked one after another from `source`: element (i, j, …) of the result lies at
  /// `offset + i·strides[0] + j·strides[1] + …`, counted in elements. `nil` where one lies outside.
  static func gathered(
    _ dtype: Dtype, shape: [Int], strides: [Int], offset: Int, from source: ByteRegion
  ) -> StoredArray? {
    guard shape.count == strides.count, let size = byteCount(dtype, shape) else { return nil }
    if size == 0 { return StoredArray(dtype: dtype, shape: shape, bytes: ByteRegion([UInt8]())) }
    // The lowest and highest element touched; every step is checked for overflow, since a stranger chose the numbers.
    var lowest = offset
    var highest = offset
    for (extent, stride) in zip(shape, strides) {
      let (span, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = (span < 0 ? lowest : highest).addingReportingOverflow(span)
      guard !overflow, !carry else { return nil }
      if span < 0 { lowest = sum } else { highest = sum }
    }
    guard lowest >= 0, highest < source.count / dtype.size else { return nil }

    let bytes: ByteRegion =
      switch dtype.size {
      case 1: pick(UInt8.self, shape, strides, offset, source)
      case 2: pick(UInt16.self, shape, strides, offset, source)
      case 4: pick(UInt32.self, shape, strides, offset, source)
      case 8: pick(UInt64.self, shape, strides, offset, source)
      default: pick(UInt128.self, shape, strides, offset, source)
      }
    return StoredArray(dtype: dtype, shape: shape, bytes: bytes)
  }

  /// Elements as words of their size, in the order of an odometer whose last place runs in an inner loop.
  private static func pick<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type, _ shape: [Int], _ strides: [Int], _ offset: Int, _ source: ByteRegion
  ) -> ByteRegion {
    source.withValues(of: Word.self) { input in
      var result: [Word] = []
      result.reserveCapacity(shape.reduce(1, *))
      let outer = shape.count - 1
      let run = shape.last ?? 1
      let step = strides.last ?? 1
      var place = [Int](repeating: 0, count: shape.count)
      var at = offset
      while true {
        for index in 0..<run { result.append(input[at + index * step]) }
        var axis = outer - 1
        while axis >= 0 {
          place[axis] += 1
          at += strides[axis]
          if place[axis] < shape[axis] { break }
          at -= strides[axis] * shape[axis]
          place[axis] = 0
          axis -= 1
        }
        if axis < 0 { return ByteRegion(littleEndian: result) }
      }
    }
  }

  static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      // Those of an empty array may not fit, and mean nothing.
      strides[axis] = strides[axis + 1] &* shape[axis + 1]
    }
    return strides
  }

  /// The array with its axes in another order: axis k of the result is axis `order[k]` of this one.
  /// `flipping` names axes of this array to run through backwards. `order` must be a permutation of the axes.
  public func permuted(_ order: [Int], flipping: [Int] = []) -> StoredArray {
    ensure(order.sorted() == Array(shape.indices), "\(order) does not order the axes of \(shape)")
    if quantization != nil { return dequantized().permuted(order, flipping: flipping) }
    var strides = Self.rowMajorStrides(shape)
    var offset = 0
    for axis in flipping {
      offset &+= strides[axis] &* max(0, shape[axis] - 1)
      strides[axis] = 0 &- strides[axis]
    }
    let result = Self.gathered(
      dtype, shape: order.map { shape[$0] }, strides: order.map { strides[$0] }, offset: offset, from: bytes)
    // Every place stays inside by construction.
    guard let result else { stopProgram("permuting \(shape) by \(order) left the array") }
    return result
  }

  /// Rows one after another of arrays that differ in their first extent alone; nil where they differ in more.
  package static func joined(_ parts: [StoredArray]) -> StoredArray? {
    guard let first = parts.first, !first.shape.isEmpty,
      parts.allSatisfy({ $0.dtype == first.dtype && $0.shape.dropFirst() == first.shape.dropFirst() })
    else { return nil }
    if parts.count == 1 { return first }
    if parts.contains(where: { $0.quantization != nil }) { return joined(parts.map { $0.dequantized() }) }
    let rows = parts.reduce(0) { $0 + ($1.shape.first ?? 0) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(parts.reduce(0) { $0 + $1.bytes.count })
    for part in parts { bytes += part.bytes.array() }
    return StoredArray(dtype: first.dtype, shape: [rows] + first.shape.dropFirst(), bytes: ByteRegion(bytes))
  }

  /// The rows of an array in as many blocks of one size; nil where they do not divide.
  package func blocks(_ count: Int) -> [StoredArray]? {
    guard count > 0, let rows = shape.first, rows % count == 0 else { return nil }
    if quantization != nil { return dequantized().blocks(count) }
    let size = bytes.count / count
    let blocks = (0..<count).compactMap { index in
      bytes.part(from: index * size, count: size).flatMap {
        StoredArray(dtype: dtype, shape: [rows / count] + shape.dropFirst(), bytes: $0)
      }
    }
    return blocks.count == count ? blocks : nil
  }

  /// The same number everywhere, in an array of the same type and shape.
  func filled(with value: Float) -> StoredArray {
    StoredArray([Float](repeating: value, count: count), shape: shape).cast(to: dtype)
  }

  /// The same numbers with the other sign, zeros and NaNs too; of complex ones perhaps the imaginary part alone.
  func signsFlipped(imaginaryOnly: Bool) -> StoredArray {
    func flipped<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(_ type: Word.Type) -> ByteRegion {
      bytes.withValues(of: type) { words in
        ByteRegion(
          littleEndian: words.indices.map { index in
            imaginaryOnly && index.isMultiple(of: 2) ? words[index] : words[index] ^ (1 << (Word.bitWidth - 1))
          })
      }
    }
    let hasSign = dtype != .float8E8M0FNU && dtype != .float4E2M1Pair
    guard dtype.isFloatingPoint || !dtype.isReal, hasSign else { return self }
    let changed =
      switch dtype.partSize {
      case 1: flipped(UInt8.self)
      case 2: flipped(UInt16.self)
      case 4: flipped(UInt32.self)
      default: flipped(UInt64.self)
      }
    return StoredArray(dtype: dtype, shape: shape, bytes: changed) ?? self
  }

  /// The same numbers in the other byte order.
  func byteSwapped() -> StoredArray {
    let swapped: ByteRegion
    switch dtype.partSize {
    case 2: swapped = ByteRegion(littleEndian: bytes.mapValues(of: UInt16.self) { $0.byteSwapped })
    case 4: swapped = ByteRegion(littleEndian: bytes.mapValues(of: UInt32.self) { $0.byteSwapped })
    case 8: swapped = ByteRegion(littleEndian: bytes.mapValues(of: UInt64.self) { $0.byteSwapped })
    default: return self
    }
    return StoredArray(dtype: dtype, shape: shape, bytes: swapped) ?? self
  }
}
