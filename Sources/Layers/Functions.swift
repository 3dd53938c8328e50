import AviaryTensors

/// A function of single elements, as an element of a `Sequential`.
public enum Activation: String, Codable, Sendable, UnaryLayer {
  case relu

  public func forward(_ x: Tensor) -> Tensor {
    switch self {
    case .relu: AviaryTensors.relu(x)
    }
  }
}

/// Dropout (Srivastava et al., 2014): in training each element is zero with probability `rate`, else divided by
/// 1 − rate; in inference, and where it is frozen, nothing happens.
public struct Dropout: UnaryLayer {
  public let rate: Float
  private let site = Site()

  public init(_ rate: Float = 0.5) {
    precondition((0...1).contains(rate), "Dropout: the rate \(rate) is not a probability")
    self.rate = rate
  }

  public func forward(_ x: Tensor) -> Tensor {
    site.isFrozen ? x : dropout(x, rate: rate, path: site.path)
  }
}

/// All axes but the first joined into one: [N, C, H, W] → [N, C·H·W].
public struct Flatten: UnaryLayer {
  private let site = Site()

  public init() {}

  public func forward(_ x: Tensor) -> Tensor { x.flattened() }
}
