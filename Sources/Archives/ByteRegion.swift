import AviaryDiagnostics
import AviaryPlatform

/// Memory that a `ByteRegion` keeps alive: a mapped file or an allocation. It is not written once a region exists.
@safe final class Memory: @unchecked Sendable {
  let start: UnsafeRawPointer
  let count: Int
  private let isMapped: Bool

  init(mapped start: UnsafeRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
    isMapped = true
  }

  /// Reserves `count` zeros, which take memory page by page once `fill` writes them; `nil` where the system refuses.
  init?<E: Swift.Error>(reserving count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
    let flags = MAP_PRIVATE | MAP_ANON | MAP_NORESERVE
    let memory = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
    do throws(E) {
      unsafe try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    } catch {
      unsafe munmap(memory, count)
      throw error
    }
    unsafe start = UnsafeRawPointer(memory)
    self.count = count
    isMapped = true
  }

  /// Allocates `count` bytes at an address that is a multiple of 64 and lets `fill` write them.
  init<E: Swift.Error>(count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
    do throws(E) {
      unsafe try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    } catch {
      unsafe memory.deallocate()
      throw error
    }
    unsafe start = UnsafeRawPointer(memory)
    self.count = count
    isMapped = false
  }

  deinit {
    if isMapped {
      unsafe munmap(UnsafeMutableRawPointer(mutating: start), count)
    } else {
      unsafe start.deallocate()
    }
  }
}

/// A read-only range of bytes in a mapped file, an allocation or an array.
///
/// Parts share the memory of the whole, which lives as long as any of them.
public struct ByteRegion: Sendable {
  private enum Storage: Sendable {
    case memory(Memory)
    case bytes([UInt8])
    case floats([Float])
    case deferred(DeferredBytes)
  }

  private let storage: Storage
  /// Offset of the first byte within the storage. For a mapped file that is the offset in the file.
  public let start: Int
  public let count: Int

  init(_ memory: Memory) {
    storage = .memory(memory)
    start = 0
    count = memory.count
  }

  public init(_ bytes: [UInt8]) {
    storage = .bytes(bytes)
    start = 0
    count = bytes.count
  }

  /// Bytes that are in memory only while they are used.
  package init(_ bytes: DeferredBytes) {
    storage = .deferred(bytes)
    start = 0
    count = bytes.count
  }

  /// The values in the byte order of the machine; the array is not copied.
  public init(floats values: [Float]) {
    storage = .floats(values)
    start = 0
    count = values.count * MemoryLayout<Float>.size
  }

  /// The values in little-endian order, copied.
  public init<Value: FixedWidthInteger & BitwiseCopyable>(littleEndian values: [Value]) {
    self.init(
      unsafe Memory(count: values.count * MemoryLayout<Value>.size) { target in
        let little = values.map { $0.littleEndian }
        unsafe little.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      })
  }

  /// The bytes of all parts in sequence, copied.
  public init(joining parts: [ByteRegion]) {
    self.init(
      unsafe Memory(count: parts.reduce(0) { $0 + $1.count }) { target in
        var offset = 0
        for part in parts {
          unsafe part.withPointer { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count])
              .copyMemory(from: source)
          }
          offset += part.count
        }
      })
  }

  /// `count` bytes that are zero unless `fill` overwrites them.
  public init<E: Swift.Error>(count: Int, fill: (inout MutableRawSpan) throws(E) -> Void) throws(E) {
    self.init(
      unsafe try Memory(count: count) { (target) throws(E) in
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
        var span = unsafe target.mutableBytes
        try fill(&span)
      })
  }

  /// The size from which on `init(zeroed:)` reserves zeros that take no memory before they are written.
  public static let reservedSize = 64 << 10

  /// `count` bytes that are zero unless `write` changes them.
  public init<E: Swift.Error>(
    zeroed count: Int, write: (inout MutableSpan<UInt8>) throws(E) -> Void
  ) throws(E) {
    func fill(_ target: UnsafeMutableRawBufferPointer) throws(E) {
      var bytes = unsafe target.bindMemory(to: UInt8.self).mutableSpan
      try write(&bytes)
    }
    if count >= Self.reservedSize, let memory = unsafe try Memory(reserving: count, fill: fill) {
      self.init(memory)
      return
    }
    self.init(
      unsafe try Memory(count: count) { (target) throws(E) in
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe try fill(target)
      })
  }

  /// The same where the system has the memory or the addresses; `nil` where it has not.
  public init?<E: Swift.Error>(
    reserving count: Int, write: (inout MutableSpan<UInt8>) throws(E) -> Void
  ) throws(E) {
    guard count >= Self.reservedSize else {
      try self.init(zeroed: count, write: write)
      return
    }
    let memory = unsafe try Memory(reserving: count) { (target) throws(E) in
      var bytes = unsafe target.bindMemory(to: UInt8.self).mutableSpan
      try write(&bytes)
    }
    guard let memory else { return nil }
    self.init(memory)
  }

  private init(_ storage: Storage, start: Int, count: Int) {
    self.storage = storage
    self.start = start
    self.count = count
  }

  /// The bytes in `range`, relative to this region, or `nil` where the range is out of bounds.
  public func part(_ range: Range<Int>) -> ByteRegion? {
    guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
    return ByteRegion(storage, start: start + range.lowerBound, count: range.count)
  }

  /// `count` bytes from `offset` on, or `nil` where they are out of bounds. No sum can overflow.
  public func part(from offset: Int, count length: Int) -> ByteRegion? {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
    return ByteRegion(storage, start: start + offset, count: length)
  }

  func withPointer<Result, E: Swift.Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> Result
  ) throws(E) -> Result {
    switch storage {
    case .memory(let memory):
      return try withExtendedLifetime(memory) { (memory) throws(E) in
        unsafe try body(UnsafeRawBufferPointer(start: memory.start + start, count: count))
      }
    case .bytes(let bytes):
      return unsafe try bytes.span.bytes.withUnsafeBytes { (all) throws(E) in
        unsafe try body(UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
      }
    case .floats(let values):
      return unsafe try values.span.bytes.withUnsafeBytes { (all) throws(E) in
        unsafe try body(UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
      }
    case .deferred(let bytes):
      return unsafe try bytes.bytes(in: start..<start + count).withPointer(body)
    }
  }

  /// Calls `body` with `length` bytes from `offset` on, which must be within bounds. Of bytes that are made whenever they
  /// are asked for, only these are: to make all of them for each field would cost the square of a file's size.
  func withPointer<Result, E: Swift.Error>(
    from offset: Int, count length: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> Result
  ) throws(E) -> Result {
    ensure(offset >= 0 && length >= 0 && length <= count - offset, "bytes \(offset) to \(offset + length) of \(count)")
    if case .deferred(let bytes) = storage {
      return unsafe try bytes.bytes(in: start + offset..<start + offset + length).withPointer(body)
    }
    return unsafe try withPointer { (all) throws(E) in
      unsafe try body(UnsafeRawBufferPointer(rebasing: all[offset..<offset + length]))
    }
  }

  /// Whether the bytes are made whenever they are asked for.
  package var isDeferred: Bool { if case .deferred = storage { true } else { false } }

  /// The same bytes, in memory as long as the result lives.
  package var loaded: ByteRegion {
    guard case .deferred(let bytes) = storage else { return self }
    return bytes.bytes(in: start..<start + count).loaded
  }

  /// Calls `body` with parts that are the bytes in sequence. Bytes of a file that is not in memory come in pieces.
  package func forEachPiece<E: Swift.Error>(_ body: (ByteRegion) throws(E) -> Void) throws(E) {
    guard case .deferred(let bytes) = storage, let size = bytes.pieceSize else { return try body(self) }
    for offset in stride(from: 0, to: count, by: size) {
      let length = min(size, count - offset)
      try body(bytes.bytes(in: start + offset..<start + offset + length))
    }
  }

  /// Calls `body` with the bytes.
  public func withBytes<Result, E: Swift.Error>(_ body: (RawSpan) throws(E) -> Result) throws(E) -> Result {
    unsafe try withPointer { (buffer) throws(E) in try body(unsafe buffer.bytes) }
  }

  /// Calls `body` with the bytes as numbers in the machine's byte order. Bytes that are not aligned for the numbers are
  /// copied. Bytes at the end that do not fill a number are ignored.
  public func withValues<Value: BitwiseCopyable, Result, E: Swift.Error>(
    of type: Value.Type, _ body: (Span<Value>) throws(E) -> Result
  ) throws(E) -> Result {
    unsafe try withPointer { (buffer) throws(E) in
      let length = buffer.count / MemoryLayout<Value>.stride
      if let base = buffer.baseAddress, UInt(bitPattern: base) % UInt(MemoryLayout<Value>.alignment) != 0 {
        let copy = unsafe [Value](unsafeUninitializedCapacity: length) { target, initialized in
          unsafe UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(start: base, count: length * MemoryLayout<Value>.stride))
          initialized = length
        }
        return try body(copy.span)
      }
      let values = unsafe UnsafeBufferPointer(
        start: buffer.baseAddress?.assumingMemoryBound(to: Value.self), count: length)
      return try body(unsafe values.span)
    }
  }

  /// The values mapped by `convert` in one pass; bytes at the end that do not fill a value are ignored.
  @inlinable
  public func mapValues<Value: BitwiseCopyable, Output>(
    of type: Value.Type, _ convert: (Value) -> Output
  ) -> [Output] {
    withValues(of: type) { span in
      unsafe [Output](unsafeUninitializedCapacity: span.count) { target, initialized in
        for index in 0..<span.count {
          unsafe target.initializeElement(at: index, to: convert(span[index]))
        }
        initialized = span.count
      }
    }
  }

  /// The address of the bytes, valid while `owner` lives, with which a tensor uses the memory of a mapped file in place.
  /// `nil` for arrays, which have no stable address. The memory is read-only.
  package var pinned: (address: UInt, owner: any AnyObject & Sendable)? {
    guard case .memory(let memory) = storage else { return nil }
    return unsafe (UInt(bitPattern: memory.start) + UInt(start), memory)
  }

  /// One byte; `offset` must be below `count`.
  public subscript(offset: Int) -> UInt8 {
    ensure(offset >= 0 && offset < count, "byte \(offset) of a region of \(count)")
    return unsafe withPointer(from: offset, count: 1) { unsafe $0[0] }
  }

  /// A copy of the bytes.
  public func array() -> [UInt8] {
    unsafe withPointer { unsafe [UInt8]($0) }
  }
}
