import AviaryDiagnostics
import AviaryTensors

/// Layer normalisation (Ba et al., 2016) over the last axes: [N…, shape…] → [N…, shape…], PyTorch's `nn.LayerNorm`.
public struct LayerNorm: UnaryLayer {
  /// Of the normalised shape, as is `bias`; nil if nothing is learned.
  public let weight: Parameter?
  /// What is added, of the shape of the weight; nil for none.
  public let bias: Parameter?
  private let shape: [Int]
  private let axis: Int
  /// Added to the variance.
  public let epsilon: Setting
  private let site = Site()

  private init(_ shape: [Int], axis: Int, epsilon: Float, affine: Bool, bias: Bool) {
    ensure(!shape.isEmpty && shape.allSatisfy { $0 > 0 }, "LayerNorm: \(shape) is not a shape to normalise over")
    weight = affine ? Parameter(shape: shape, initializer: .ones) : nil
    self.bias = affine && bias ? Parameter(shape: shape, initializer: .zeros) : nil
    self.shape = shape
    self.axis = axis
    self.epsilon = .epsilon(epsilon)
  }

  /// Normalisation over the last axes, which have this shape.
  public init(_ shape: [Int], epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
    self.init(shape, axis: -1, epsilon: epsilon, affine: affine, bias: bias)
  }

  /// Over one axis alone, by default the last; 1 for the channels of [N, C, …].
  public init(_ size: Int, axis: Int = -1, epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
    self.init([size], axis: axis, epsilon: epsilon, affine: affine, bias: bias)
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      axis == -1 ? Array(x.shape.suffix(shape.count)) == shape : x.hasExtent(shape[0], along: axis),
      axis == -1
        ? "\(site.layerPath): LayerNorm: input \(x.shape) does not end with the axes \(shape)"
        : "\(site.layerPath): LayerNorm: axis \(axis) of input \(x.shape) does not have the size \(shape[0])")
    return withChannels(axis, at: -1, of: x) {
      layerNormalization($0, over: shape, scale: weight?.tensor, shift: bias?.tensor, epsilon: epsilon.value)
    }
  }
}

/// Group normalisation (Wu & He, 2018): [N, C, …] → [N, C, …], PyTorch's `nn.GroupNorm`.
public struct GroupNorm: UnaryLayer {
  /// [C], as is `bias`; nil if nothing is learned.
  public let weight: Parameter?
  /// What is added, of the shape of the weight; nil for none.
  public let bias: Parameter?
  private let groups: Int
  private let channels: Int
  private let axis: Int
  /// Added to the variance.
  public let epsilon: Setting
  private let site = Site()

  /// - Parameter axis: where the channels are: 1, or -1 for [N, …, C].
  public init(groups: Int, channels: Int, axis: Int = 1, epsilon: Float = 1e-5, affine: Bool = true) {
    ensure(
      groups >= 1 && channels >= 1 && channels % groups == 0,
      "GroupNorm: \(channels) channels do not split into \(groups) groups")
    weight = affine ? Parameter(shape: [channels], initializer: .ones) : nil
    bias = affine ? Parameter(shape: [channels], initializer: .zeros) : nil
    self.groups = groups
    self.channels = channels
    self.axis = axis
    self.epsilon = .epsilon(epsilon)
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank >= 2 && x.hasExtent(channels, along: axis),
      "\(site.layerPath): GroupNorm: input \(x.shape) does not have \(channels) channels")
    return withChannels(axis, at: 1, of: x) {
      groupNormalization($0, groups: groups, scale: weight?.tensor, shift: bias?.tensor, epsilon: epsilon.value)
    }
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

  /// Normalisation by the channels around each channel.
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
