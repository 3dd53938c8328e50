import AviaryDiagnostics
import AviaryTensors

/// Stochastic depth (Huang et al., 2016), also called drop path: in training a residual branch [N, …] is zero with
/// probability `rate`, all of it or row by row, else divided by 1 − rate; in inference, and when frozen, it passes its input
/// on. torchvision's `StochasticDepth`.
public struct StochasticDepth: UnaryLayer {
  /// The probability that a branch is skipped.
  public let rate: Float
  private let mode: StochasticDepthMode
  private let site = Site()

  /// Skips a branch with this probability.
  public init(_ rate: Float, mode: StochasticDepthMode = .row) {
    ensure((0...1).contains(rate), "StochasticDepth: the rate \(rate) is not a probability")
    self.rate = rate
    self.mode = mode
  }

  /// The rate of a block where rates grow linearly with depth (section 3 of the paper): `last` · block / steps.
  ///
  /// - Parameters:
  ///   - block: counted from 0, so that the first block is never dropped.
  ///   - steps: the number of blocks less one, so that the last block has the rate `last`; torchvision's EfficientNets count
  ///     one more.
  public static func linearRate(block: Int, of steps: Int, last: Float) -> Float {
    steps == 0 ? 0 : Float(Double(last) * Double(block) / Double(steps))
  }

  public func forward(_ x: Tensor) -> Tensor {
    site.isFrozen ? x : stochasticDepth(x, rate: rate, mode: mode, path: site.path)
  }
}

extension StochasticDepth: DroppingLayer {
  var drops: Bool { rate > 0 }
}
