import AviaryDiagnostics
import CKernels
import COneDNN

/// A block of memory: from the pool, writable by the holder of the only reference, or owned elsewhere and read-only.
@safe
package final class Storage: @unchecked Sendable {
  let address: UnsafeMutableRawPointer
  private let capacity: Int
  /// Keeps alive memory that is not the pool's.
  private let owner: (any AnyObject & Sendable)?

  package init(byteCount: Int) {
    var capacity = 0
    unsafe address = ak_pool_allocate(max(byteCount, 64), &capacity)
    self.capacity = capacity
    owner = nil
  }

  /// Memory that `owner` keeps alive and unchanged, such as a mapped file's; nil where its address is not aligned as
  /// the kernels need it.
  fileprivate init?(sharing address: UInt, of owner: any AnyObject & Sendable) {
    guard address % 64 == 0, let pointer = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    unsafe self.address = pointer
    capacity = 0
    self.owner = owner
  }

  deinit {
    if owner == nil { unsafe ak_pool_release(address, capacity) }
  }

  /// Whether the holder of the only reference may write to the memory.
  var isWritable: Bool { owner == nil }

  var floats: UnsafeMutablePointer<Float> { unsafe address.assumingMemoryBound(to: Float.self) }
}

/// The memory layout of a tensor: an interned oneDNN memory descriptor.
package struct Layout: Hashable, Sendable {
  let id: ad_layout

  init(id: ad_layout) { self.id = id }

  /// Row-major elements.
  package static func plain(_ shape: [Int]) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_plain($0, $1)) }
  }

  /// A layout for the primitive to choose; for requests only.
  static func any(_ shape: [Int]) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_any($0, $1)) }
  }

  /// Numbers of a precision in a layout for the primitive to choose; for requests only.
  static func any(_ shape: [Int], _ precision: Precision) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_any_of_type($0, $1, precision.type)) }
  }

  /// Row-major numbers of a precision.
  static func plain(_ shape: [Int], _ precision: Precision) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_plain_of_type($0, $1, precision.type)) }
  }

  /// Row-major 8-bit integers.
  static func plain(_ shape: [Int], isSigned: Bool) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_plain_of_type($0, $1, isSigned ? AD_INT8 : AD_UINT8)) }
  }

  /// Channels last: the channels of a position are contiguous.
  static func channelsLast(_ shape: [Int]) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_channels_last($0, $1, AD_FLOAT)) }
  }

  /// Floats of [N, C, …], with one to three spatial axes, in blocks of 8 or 16 channels.
  static func blocked(_ shape: [Int], channels block: Int) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_blocked($0, $1, Int32(block))) }
  }

  /// Weights [O, C, kernel…] of two spatial axes in blocks of inputs and outputs, as many as vectors have elements.
  static func blockedWeights(_ shape: [Int]) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_blocked_weights($0, $1)) }
  }

  /// Whether it is of a convolution's weights that have been transformed, which have one axis.
  var isTransformed: Bool { dimensions.count == 1 }

  /// 8-bit integers, channels last.
  package static func channelsLast(_ shape: [Int], isSigned: Bool) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_channels_last($0, $1, isSigned ? AD_INT8 : AD_UINT8)) }
  }

  /// Floats in the same order as this layout's numbers, or row-major where those lie in blocks.
  var floats: Layout { Layout(id: ad_layout_floats_of(id)) }

  /// 8-bit integers in a layout for the primitive to choose; for requests only.
  static func any(_ shape: [Int], isSigned: Bool) -> Layout {
    unsafe withSizes(shape) { unsafe Layout(id: ad_layout_any_of_type($0, $1, isSigned ? AD_INT8 : AD_UINT8)) }
  }

  /// Passes the sizes to C without a copy.
  private static func withSizes(_ shape: [Int], _ body: (UnsafePointer<Int64>?, Int32) -> Layout) -> Layout {
    unsafe shape.withUnsafeBytes { bytes in
      unsafe body(bytes.assumingMemoryBound(to: Int64.self).baseAddress, Int32(shape.count))
    }
  }

  /// The sizes of the axes; one of size 1 for a scalar.
  var dimensions: [Int] {
    var sizes = [Int64](repeating: 0, count: Int(AD_MAX_RANK))
    let rank = unsafe ad_layout_dimensions(id, &sizes)
    return sizes.prefix(Int(rank)).map(Int.init)
  }

  package var byteCount: Int { ad_layout_bytes(id) }
  package var isPlain: Bool { ad_layout_is_plain(id) }
  /// Whether the numbers are of bfloat16; kernels that are not said to take those take floats.
  package var isOfBFloat16: Bool { ad_layout_is_of_bfloat16(id) }
  /// The row-major layout of the same shape.
  package var plain: Layout { Layout(id: ad_layout_plain_of(id)) }
  /// The size of a channel block where the layout is blocked by channels only.
  var channelBlock: Int? {
    let block = Int(ad_layout_channel_block(id))
    return block == 0 ? nil : block
  }
  /// Whether there is padding: bytes that belong to no element. They are zero and must stay zero.
  package var isPadded: Bool { ad_layout_is_padded(id) }
}

/// The elements of a tensor: memory and its layout.
package struct Buffer: Sendable {
  package private(set) var storage: Storage
  package let layout: Layout

  /// A placeholder for a buffer that is being worked on.
  package static let empty = Buffer(.plain([]))

  package init(storage: Storage, layout: Layout) {
    self.storage = storage
    self.layout = layout
  }

  /// New memory, not initialised.
  package init(_ layout: Layout) {
    self.init(storage: Storage(byteCount: layout.byteCount), layout: layout)
  }

  /// Whether the memory is not shared, so that it may be written to.
  package mutating func isHeldAlone() -> Bool { storage.isWritable && isKnownUniquelyReferenced(&storage) }

  /// The address of the memory.
  package var startAddress: UInt { unsafe UInt(bitPattern: storage.address) }

  /// The number of floats in memory, padding included.
  package var count: Int { layout.byteCount / 4 }

  var floats: UnsafeMutablePointer<Float> { unsafe storage.floats }
  /// The numbers of a layout of bfloat16, twice `count`.
  var halves: UnsafeMutablePointer<UInt16> { unsafe address.assumingMemoryBound(to: UInt16.self) }
  var address: UnsafeMutableRawPointer { unsafe storage.address }
}

// MARK: - Values in and out

extension Buffer {
  /// Row-major elements from an array.
  package init(_ scalars: [Float], shape: [Int]) {
    self.init(.plain(shape))
    unsafe scalars.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { unsafe floats.update(from: base, count: source.count) }
    }
  }

  /// The elements of row-major buffers, one after the other.
  package init(joining parts: [Buffer], shape: [Int]) {
    self.init(.plain(shape))
    ensure(
      parts.reduce(0) { $0 + $1.count } == shape.reduce(1, *) && parts.allSatisfy(\.layout.isPlain),
      "buffers of \(parts.map(\.count)) elements do not join into shape \(shape)")
    var end = 0
    for part in parts {
      unsafe (floats + end).update(from: part.floats, count: part.count)
      end += part.count
    }
  }

  /// Images of 8 bits and one size as row-major planes, [images, channels, pixels] under the given shape: level v of an
  /// image's channel `source[c]` becomes `tables[256 * c + v]` in plane c.
  ///
  /// - Parameter images: the interleaved channels of each, and its tables.
  package init(planesOf images: [(levels: [UInt8], tables: [Float])], source: [Int32], shape: [Int]) {
    let channels = source.count
    ensure(
      source.allSatisfy { (0..<Int32(channels)).contains($0) }
        && images.allSatisfy { $0.levels.count % channels == 0 && $0.tables.count == 256 * channels }
        && images.reduce(0) { $0 + $1.levels.count } == shape.reduce(1, *),
      "images of \(images.map(\.levels.count)) values with channels \(source) do not fill shape \(shape)")
    self.init(.plain(shape))
    var end = 0
    for image in images {
      unsafe aviary_planes_from_levels(
        image.levels, floats + end, image.levels.count / channels, channels, source, image.tables)
      end += image.levels.count
    }
  }

  /// Row-major elements, copied from a span.
  package init(_ scalars: Span<Float>, shape: [Int]) {
    self.init(.plain(shape))
    ensure(scalars.count == shape.reduce(1, *), "\(scalars.count) elements do not fill shape \(shape)")
    unsafe scalars.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { unsafe floats.update(from: base, count: source.count) }
    }
  }

  /// Row-major elements in memory that `owner` keeps alive and unchanged, without a copy. Nil where the address is not a
  /// multiple of 64, which kernels rely on.
  package init?(sharing address: UInt, of owner: any AnyObject & Sendable, shape: [Int]) {
    guard let storage = Storage(sharing: address, of: owner) else { return nil }
    self.init(storage: storage, layout: .plain(shape))
  }

  /// The elements of a row-major buffer.
  package func scalars(count: Int) -> [Float] {
    ensure(layout.isPlain, "the elements of a buffer are read in row-major order only")
    return unsafe Array(UnsafeBufferPointer(start: floats, count: count))
  }
}
