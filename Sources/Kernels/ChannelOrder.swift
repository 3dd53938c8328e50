import AviaryDiagnostics
import CKernels

/// Where a channel comes from: a channel of one of several buffers.
package typealias ChannelOrigin = ak_channel_origin

extension Buffer {
  /// The channels of [N, C, …] put together from those of buffers that have them in blocks of one size, in such blocks; nil
  /// where they lie in another way.
  ///
  /// - Parameters:
  ///   - origins: one for each channel of the result.
  ///   - shape: of the result.
  package static func gatheringChannels(_ sources: [Buffer], _ origins: [ChannelOrigin], shape: [Int]) -> Buffer? {
    ensure(origins.count == shape[1], "\(origins.count) origins for the channels of \(shape)")
    guard let block = sources.first?.layout.channelBlock, sources.allSatisfy({ $0.layout.channelBlock == block }) else {
      return nil
    }
    let y = Buffer(.blocked(shape, channels: block))
    guard let channels = y.layout.channels, y.count > 0 else { return y }
    let blocks = sources.map { ($0.layout.dimensions[1] + block - 1) / block }
    kernel("rearranging", y.layout, floats: 2 * y.count) {
      withExtendedLifetime(sources) {
        let addresses = unsafe sources.map { unsafe UnsafePointer($0.floats) as UnsafePointer<Float>? }
        unsafe ak_gather_channels(channels, addresses, blocks, origins, y.floats)
      }
    }
    return y
  }
}
