import AviaryDiagnostics
import CKernels

/// The product of whole channels of [N, C, …] with factors of [N or 1, C or 1, 1, …], in the layout that the channels have:
/// what a dropout of channels, a residual branch that is dropped, and squeeze and excitation do.
package struct ChannelScaling {
  private let channels: ak_channels
  /// How far the factors of neighbouring images, and of neighbouring channels, are apart.
  private let imageStep, channelStep: Int
  private let factors: [Int]

  /// Nil where the factors are not those of whole channels, or where the channels lie in another way.
  ///
  /// - Parameter shape: of the factors.
  package init?(_ layout: Layout, factors shape: [Int]) {
    let whole = layout.dimensions
    guard whole.count >= 3, shape.count <= whole.count, let channels = layout.channels, channels.positions > 1 else {
      return nil
    }
    let aligned = Array(repeating: 1, count: whole.count - shape.count) + shape
    guard !whole.contains(0), aligned.dropFirst(2).allSatisfy({ $0 == 1 }),
      zip(aligned, whole).allSatisfy({ $0 == 1 || $0 == $1 })
    else { return nil }
    self.channels = channels
    factors = Array(aligned.prefix(2))
    imageStep = aligned[0] == 1 ? 0 : aligned[1]
    channelStep = aligned[1] == 1 ? 0 : 1
  }

  /// The products, `values` being row-major.
  package func callAsFunction(_ x: Buffer, by values: Buffer) -> Buffer {
    let y = Buffer(x.layout)
    kernel("channel scaling", x.layout, floats: 2 * x.count) {
      unsafe ak_scale_channels(channels, x.floats, values.floats, imageStep, channelStep, y.floats)
    }
    return y
  }

  /// The gradient of the factors, row-major: the sums of x · gradient, two buffers of the same layout.
  package func pullback(_ gradient: Buffer, _ x: Buffer) -> Buffer {
    ensure(gradient.layout == x.layout, "the gradient's layout differs from that of the channels")
    let shape = [channels.images, channels.channels]
    let sums = Buffer(.plain(shape))
    kernel("channel scaling, gradient", x.layout, floats: 2 * x.count) {
      unsafe ak_channel_products(channels, x.floats, gradient.floats, sums.floats)
    }
    return factors == shape ? sums : sums.summed(from: shape, to: factors)
  }
}

extension Buffer {
  /// x · factor + offset for each channel of [N, C, …], both row-major [C], in the layout that the channels have, and the
  /// relu of it if asked for; nil where they lie in another way.
  package func normalizedChannels(factors: Buffer, offsets: Buffer, relu: Bool) -> Buffer? {
    guard let channels = layout.channels else { return nil }
    let y = Buffer(layout)
    if layout.dimensions.contains(0) { return y }
    kernel("channel normalisation", layout, floats: 2 * count) {
      unsafe ak_normalize_channels(channels, floats, factors.floats, offsets.floats, relu, y.floats)
    }
    return y
  }
}

extension Layout {
  /// How the channels of [N, C, …] lie; nil where kernels do not take it so.
  var channels: ak_channels? {
    let shape = dimensions
    guard shape.count >= 2 else { return nil }
    func channels(lanes: Int) -> ak_channels {
      ak_channels(images: shape[0], channels: shape[1], positions: shape.dropFirst(2).reduce(1, *), lanes: lanes)
    }
    if let block = channelBlock { return channels(lanes: block) }
    if self == .channelsLast(shape) { return channels(lanes: shape[1]) }
    return isPlain ? channels(lanes: 1) : nil
  }
}
