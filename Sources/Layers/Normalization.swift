import AviaryDiagnostics
import AviaryTensors

/// Layer normalisation (Ba et al., 2016) over the last axes: [N…, shape…] → [N…, shape…], PyTorch's `nn.LayerNorm`.
public struct LayerNorm: UnaryLayer {
  /// Of the normalised shape, as is `bias`; nil where nothing is learned.
  public let weight: Parameter?
  public let bias: Parameter?
  private let shape: [Int]
  /// What is added to the variance.
  public let epsilon: Setting
  private let site = Site()

  public init(_ shape: [Int], epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
    ensure(!shape.isEmpty && shape.allSatisfy { $0 > 0 }, "LayerNorm: \(shape) is no shape to normalise over")
    weight = affine ? Parameter(shape: shape, initializer: .ones) : nil
    self.bias = affine && bias ? Parameter(shape: shape, initializer: .zeros) : nil
    self.shape = shape
    self.epsilon = .epsilon(epsilon)
  }

  /// Over the last axis alone.
  public init(_ size: Int, epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
    self.init([size], epsilon: epsilon, affine: affine, bias: bias)
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      Array(x.shape.suffix(shape.count)) == shape,
      "\(site.layerPath): LayerNorm: input \(x.shape) does not end with the axes \(shape)")
    return layerNormalization(x, over: shape, scale: weight?.tensor, shift: bias?.tensor, epsilon: epsilon.value)
  }
}

/// Group normalisation (Wu & He, 2018): [N, C, …] → [N, C, …], PyTorch's `nn.GroupNorm`.
public struct GroupNorm: UnaryLayer {
  /// [C], as is `bias`; nil where nothing is learned.
  public let weight: Parameter?
  public let bias: Parameter?
  private let groups: Int
  private let channels: Int
  /// What is added to the variance.
  public let epsilon: Setting
  private let site = Site()

  public init(groups: Int, channels: Int, epsilon: Float = 1e-5, affine: Bool = true) {
    ensure(
      groups >= 1 && channels >= 1 && channels % groups == 0,
      "GroupNorm: \(channels) channels do not split into \(groups) groups")
    weight = affine ? Parameter(shape: [channels], initializer: .ones) : nil
    bias = affine ? Parameter(shape: [channels], initializer: .zeros) : nil
    self.groups = groups
    self.channels = channels
    self.epsilon = .epsilon(epsilon)
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank >= 2 && x.shape[1] == channels,
      "\(site.layerPath): GroupNorm: input \(x.shape) does not have \(channels) channels")
    return groupNormalization(x, groups: groups, scale: weight?.tensor, shift: bias?.tensor, epsilon: epsilon.value)
  }
}

/// Local response normalisation (Krizhevsky et al., 2012) across `size` neighbouring channels: [N, C, …] → [N, C, …],
/// PyTorch's `nn.LocalResponseNorm`, in which α is divided by the size.
public struct LocalResponseNorm: UnaryLayer {
  private let size: Int
  private let alpha: Float
  private let beta: Float
  private let k: Float
  private let site = Site()

  public init(_ size: Int, alpha: Float = 1e-4, beta: Float = 0.75, k: Float = 1) {
    ensure(
      size >= 1 && alpha >= 0 && k > 0, "LocalResponseNorm: size \(size), alpha \(alpha) and k \(k) divide by zero")
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank >= 2, "\(site.layerPath): LocalResponseNorm: input \(x.shape) has no channels")
    return localResponseNormalization(x, size: size, alpha: alpha, beta: beta, k: k)
  }
}
