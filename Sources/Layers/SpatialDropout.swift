import AviaryDiagnostics
import AviaryTensors

/// Spatial dropout (Tompson et al., 2015): in training each channel of [N, C, …] is zero as a whole with probability
/// `rate`, else divided by 1 − rate; in inference, and when frozen, it passes its input on. PyTorch's
/// `nn.Dropout1d`, `2d` and `3d`.
public struct ChannelDropout: UnaryLayer {
  /// The probability that a channel becomes zero.
  public let rate: Float
  private let site = Site()

  /// Dropout of channels with this probability.
  public init(_ rate: Float = 0.5) {
    ensure((0...1).contains(rate), "ChannelDropout: the rate \(rate) is not a probability")
    self.rate = rate
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank >= 2, "\(site.layerPath): ChannelDropout: input \(x.shape) has no channels")
    return site.isFrozen ? x : channelDropout(x, rate: rate, path: site.path)
  }
}

/// Dropout of whole channels, under the name that PyTorch has for it on [N, C, L].
public typealias Dropout1d = ChannelDropout
/// Dropout of whole channels, under the name that PyTorch has for it on [N, C, H, W].
public typealias Dropout2d = ChannelDropout
/// Dropout of whole channels, under the name that PyTorch has for it on [N, C, D, H, W].
public typealias Dropout3d = ChannelDropout

/// DropBlock (Ghiasi et al., 2018): in training squares of `block` × `block` positions of each channel of [N, C, H, W]
/// are zero, about `rate` of all elements, and the rest is divided by the share that is kept; in inference, and
/// when frozen, it passes its input on.
public struct DropBlock2d: UnaryLayer {
  /// The side of a block.
  public let block: Int
  /// About the share of positions that become zero.
  public let rate: Float
  private let site = Site()

  /// Blocks of this side, of which this share of the positions becomes zero.
  public init(block: Int, rate: Float = 0.1) {
    ensure(
      block >= 1 && (0...1).contains(rate), "DropBlock2d: no blocks of size \(block) fall with probability \(rate)")
    self.block = block
    self.rate = rate
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == 4, "\(site.layerPath): DropBlock2d: input \(x.shape) does not go with blocks [\(block), \(block)]")
    return site.isFrozen ? x : dropBlock(x, block: block, rate: rate, path: site.path)
  }
}
