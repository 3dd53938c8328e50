import AviaryDiagnostics
import AviaryTensors

/// Maxima over windows of [N, C, L].
public typealias MaxPool1d = MaxPool<OneAxis>
/// Maxima over windows of [N, C, H, W].
public typealias MaxPool2d = MaxPool<TwoAxes>
/// Maxima over windows of [N, C, D, H, W].
public typealias MaxPool3d = MaxPool<ThreeAxes>

/// The largest element of every window: [N, C, …] → [N, C, …], PyTorch's `nn.MaxPool1d` to `3d`.
public struct MaxPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride, dilation: one number for all axes, or one for each. The stride is the kernel's size by default;
  ///     the dilation is how far apart the elements of a window are.
  ///   - padding: the same, or `.same`.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: some AxisPadding = 0, dilation: any AxisSizes = 1,
    rounding: PoolRounding = .down
  ) {
    window = PoolWindow(kernel, stride, padding, rounding, dilation: dilation)
  }

  static var name: String { "MaxPool\(Axes.count)d" }

  public func forward(_ x: consuming Tensor) -> Tensor {
    let zeros = window.zeros(around: x, at: site, of: Self.self)
    return maxPool(
      x, kernel: window.kernel, stride: window.stride, padding: zeros.before, endPadding: zeros.after,
      dilation: window.dilation, rounding: window.rounding)
  }
}

/// Minima over windows of [N, C, L].
public typealias MinPool1d = MinPool<OneAxis>
/// Minima over windows of [N, C, H, W].
public typealias MinPool2d = MinPool<TwoAxes>
/// Minima over windows of [N, C, D, H, W].
public typealias MinPool3d = MinPool<ThreeAxes>

/// The smallest element of every window: [N, C, …] → [N, C, …]. PyTorch has none; it is −max pool(−x).
public struct MinPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride: one number for all axes, or one for each. The stride is the kernel's size by default.
  ///   - padding: the same, or `.same`.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: some AxisPadding = 0,
    rounding: PoolRounding = .down
  ) {
    window = PoolWindow(kernel, stride, padding, rounding)
  }

  static var name: String { "MinPool\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    let zeros = window.zeros(around: x, at: site, of: Self.self)
    return minPool(
      x, kernel: window.kernel, stride: window.stride, padding: zeros.before, endPadding: zeros.after,
      rounding: window.rounding)
  }
}

/// Means over windows of [N, C, L].
public typealias AvgPool1d = AvgPool<OneAxis>
/// Means over windows of [N, C, H, W].
public typealias AvgPool2d = AvgPool<TwoAxes>
/// Means over windows of [N, C, D, H, W].
public typealias AvgPool3d = AvgPool<ThreeAxes>

/// The mean of every window: [N, C, …] → [N, C, …], PyTorch's `nn.AvgPool1d` to `3d`.
public struct AvgPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let countingPadding: Bool
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride: one number for all axes, or one for each. The stride is the kernel's size by default.
  ///   - padding: the same, or `.same`.
  ///   - countingPadding: the padding's zeros count as elements.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: some AxisPadding = 0,
    rounding: PoolRounding = .down, countingPadding: Bool = true
  ) {
    window = PoolWindow(kernel, stride, padding, rounding)
    self.countingPadding = countingPadding
  }

  static var name: String { "AvgPool\(Axes.count)d" }

  public func forward(_ x: consuming Tensor) -> Tensor {
    let zeros = window.zeros(around: x, at: site, of: Self.self)
    return averagePool(
      x, kernel: window.kernel, stride: window.stride, padding: zeros.before, endPadding: zeros.after,
      rounding: window.rounding, countingPadding: countingPadding)
  }
}

/// The window of a pool, one number for each axis.
private struct PoolWindow<Axes: SpatialAxes>: LayerConfiguration {
  let kernel: [Int]
  let stride: [Int]
  let padding: Padding
  let dilation: [Int]
  let rounding: PoolRounding

  init(
    _ kernel: any AxisSizes, _ stride: (any AxisSizes)?, _ padding: some AxisPadding, _ rounding: PoolRounding,
    dilation: any AxisSizes = 1
  ) {
    self.kernel = kernel.sizes(axes: Axes.count)
    self.stride = (stride ?? kernel).sizes(axes: Axes.count)
    self.padding = padding.padding(axes: Axes.count)
    self.dilation = dilation.sizes(axes: Axes.count)
    self.rounding = rounding
    ensure(self.padding != .causal, "causal padding is not supported in pools")
  }

  private func reach(_ axis: Int) -> Int { (kernel[axis] - 1) * dilation[axis] + 1 }

  /// The padding before and after each axis; `after` is nil where it is the same. Stops the program unless the input has as
  /// many axes, and a window along each.
  func zeros(around x: Tensor, at site: Site, of layer: any NamedLayer.Type) -> (before: [Int], after: [Int]?) {
    let shape = x.shape
    var zeros: (before: [Int], after: [Int]?, hasWindows: Bool) = ([], nil, false)
    if shape.count == Axes.count + 2 {
      zeros = padding.zeros(around: shape, reach: reach, stride: stride)
      if case .fixed(let sizes) = padding, rounding == .up {
        zeros.hasWindows = (0..<Axes.count).allSatisfy {
          poolCount(size: shape[$0 + 2], reach: reach($0), stride: stride[$0], padding: sizes[$0], rounding: .up) > 0
        }
      }
    }
    ensure(
      zeros.hasWindows,
      "\(site.layerPath): \(layer.name): input \(shape) is smaller than the window \((0..<Axes.count).map(reach))")
    return (zeros.before, zeros.after)
  }
}

/// The mean over all positions: [N, C, …] → [N, C], or [N, C, 1…] where the axes are kept. Features without positions stay
/// as they are.
public struct MeanOverPositions: UnaryLayer {
  private let keepingAxes: Bool
  private let site = Site()

  /// Whether the axes stay, with a length of 1.
  public init(keepingAxes: Bool = false) { self.keepingAxes = keepingAxes }

  public func forward(_ x: Tensor) -> Tensor {
    x.rank <= 2 ? x : x.mean(over: Array(2..<x.rank), keepingAxes: keepingAxes)
  }
}

/// The largest element over all positions: [N, C, …] → [N, C], or [N, C, 1…] where the axes are kept. Features without
/// positions stay as they are.
public struct MaxOverPositions: UnaryLayer {
  private let keepingAxes: Bool
  private let site = Site()

  /// Whether the axes stay, with a length of 1.
  public init(keepingAxes: Bool = false) { self.keepingAxes = keepingAxes }

  public func forward(_ x: Tensor) -> Tensor {
    if x.rank <= 2 { return x }
    let y = maxPool(x, kernel: Array(x.shape.dropFirst(2)))
    return keepingAxes ? y : y.flattened()
  }
}
