import CKernels

/// Channels of [N, C, …] that follow one another in several buffers and have not been copied into one: densely connected
/// networks join what they have with few new channels in every layer, and normalise all of it for the next.
package struct JoinedChannels {
  package let parts: [Buffer]
  private let layout: Layout
  /// How many channels lie side by side: 1 row-major, also where there is one position and they could as well be last.
  private let lanes: Int

  /// Nil where the parts are not all row-major or all in whole blocks of as many channels.
  ///
  /// - Parameter shape: of the whole.
  package init?(_ parts: [Buffer], shape: [Int]) {
    self.parts = parts
    if parts.allSatisfy(\.layout.isPlain) {
      (layout, lanes) = (.plain(shape), 1)
    } else if let block = parts.first?.layout.channelBlock,
      parts.allSatisfy({ $0.layout.channelBlock == block && $0.layout.dimensions[1] % block == 0 })
    {
      (layout, lanes) = (.blocked(shape, channels: block), block)
    } else {
      return nil
    }
  }

  /// The parts, all in blocks where most of their elements are: a convolution of few channels may put out another layout.
  package static func alike(_ parts: [Buffer]) -> [Buffer] {
    guard let block = parts.lazy.compactMap(\.layout.channelBlock).first,
      parts.allSatisfy({ $0.layout.dimensions[1] % block == 0 })
    else { return parts }
    let blocked = parts.filter { $0.layout.channelBlock == block }
    func count(_ parts: [Buffer]) -> Int { parts.reduce(0) { $0 + $1.count } }
    guard 2 * count(blocked) > count(parts) else { return parts }
    return parts.map { $0.reordered(to: .blocked($0.layout.dimensions, channels: block)) }
  }

  /// Copied into one buffer.
  package func joined() -> Buffer { .joinedRuns(parts, axis: 1, into: layout) }

  /// x · factor + offset for each channel, both row-major [C], and the relu of it if asked for: written where the channels
  /// are joined, which saves the copy of them.
  package func normalized(factors: Buffer, offsets: Buffer, relu: Bool) -> Buffer {
    let shape = layout.dimensions
    let channels = ak_channels(
      images: shape[0], channels: shape[1], positions: shape.dropFirst(2).reduce(1, *), lanes: lanes)
    let y = Buffer(layout)
    if shape.contains(0) { return y }
    let sources = unsafe parts.map { unsafe Optional(UnsafePointer($0.floats)) }
    let blocks = parts.map { $0.layout.dimensions[1] / lanes }
    kernel("channel normalisation", layout, floats: 2 * y.count) {
      unsafe ak_normalize_joined_channels(
        channels, sources, blocks, factors.floats, offsets.floats, relu, y.floats)
    }
    return y
  }
}
