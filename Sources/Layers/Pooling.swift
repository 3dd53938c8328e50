import AviaryDiagnostics
import AviaryTensors

public typealias MaxPool1d = MaxPool<OneAxis>
public typealias MaxPool2d = MaxPool<TwoAxes>
public typealias MaxPool3d = MaxPool<ThreeAxes>

/// The largest element of every window: [N, C, …] → [N, C, …], PyTorch's `nn.MaxPool1d` to `3d`.
public struct MaxPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride, padding, dilation: one number for all axes, or one for each. The stride is the kernel's size by
  ///     default; the dilation is how far apart the elements of a window are.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: any AxisSizes = 0, dilation: any AxisSizes = 1,
    rounding: PoolRounding = .down
  ) {
    window = PoolWindow(kernel, stride, padding, rounding, dilation: dilation)
  }

  static var name: String { "MaxPool\(Axes.count)d" }

  public func forward(_ x: consuming Tensor) -> Tensor {
    window.require(x, at: site, of: Self.self)
    return maxPool(
      x, kernel: window.kernel, stride: window.stride, padding: window.padding, dilation: window.dilation,
      rounding: window.rounding)
  }
}

public typealias MinPool1d = MinPool<OneAxis>
public typealias MinPool2d = MinPool<TwoAxes>
public typealias MinPool3d = MinPool<ThreeAxes>

/// The smallest element of every window: [N, C, …] → [N, C, …]. PyTorch has none; it is −max pool(−x).
public struct MinPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride, padding: one number for all axes, or one for each. The stride is the kernel's size by default.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: any AxisSizes = 0, rounding: PoolRounding = .down
  ) {
    window = PoolWindow(kernel, stride, padding, rounding)
  }

  static var name: String { "MinPool\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    window.require(x, at: site, of: Self.self)
    return minPool(
      x, kernel: window.kernel, stride: window.stride, padding: window.padding, rounding: window.rounding)
  }
}

public typealias AvgPool1d = AvgPool<OneAxis>
public typealias AvgPool2d = AvgPool<TwoAxes>
public typealias AvgPool3d = AvgPool<ThreeAxes>

/// The mean of every window: [N, C, …] → [N, C, …], PyTorch's `nn.AvgPool1d` to `3d`.
public struct AvgPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let window: PoolWindow<Axes>
  private let countingPadding: Bool
  private let site = Site()

  /// - Parameters:
  ///   - kernel, stride, padding: one number for all axes, or one for each. The stride is the kernel's size by default.
  ///   - countingPadding: the padding's zeros count as elements.
  public init(
    _ kernel: any AxisSizes, stride: (any AxisSizes)? = nil, padding: any AxisSizes = 0,
    rounding: PoolRounding = .down, countingPadding: Bool = true
  ) {
    window = PoolWindow(kernel, stride, padding, rounding)
    self.countingPadding = countingPadding
  }

  static var name: String { "AvgPool\(Axes.count)d" }

  public func forward(_ x: consuming Tensor) -> Tensor {
    window.require(x, at: site, of: Self.self)
    return averagePool(
      x, kernel: window.kernel, stride: window.stride, padding: window.padding, rounding: window.rounding,
      countingPadding: countingPadding)
  }
}

/// The window of a pool, one number for each axis.
private struct PoolWindow<Axes: SpatialAxes>: LayerConfiguration {
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]
  let rounding: PoolRounding

  init(
    _ kernel: any AxisSizes, _ stride: (any AxisSizes)?, _ padding: any AxisSizes, _ rounding: PoolRounding,
    dilation: any AxisSizes = 1
  ) {
    self.kernel = kernel.sizes(axes: Axes.count)
    self.stride = (stride ?? kernel).sizes(axes: Axes.count)
    self.padding = padding.sizes(axes: Axes.count)
    self.dilation = dilation.sizes(axes: Axes.count)
    self.rounding = rounding
  }

  /// Ends the program unless the input has as many axes, and a window along each.
  func require(_ x: Tensor, at site: Site, of layer: any NamedLayer.Type) {
    let reach = zip(kernel, dilation).map { ($0 - 1) * $1 + 1 }
    let hasWindows =
      x.rank == Axes.count + 2
      && (0..<Axes.count).allSatisfy { axis in
        poolCount(
          size: x.shape[axis + 2], reach: reach[axis], stride: stride[axis], padding: padding[axis],
          rounding: rounding) > 0
      }
    ensure(
      hasWindows, "\(site.layerPath): \(layer.name): input \(x.shape) is smaller than the window \(reach)")
  }
}

/// The mean over all positions: [N, C, H, W] → [N, C]. Features that have no positions are left as they are.
public struct MeanOverPositions: UnaryLayer {
  private let site = Site()

  public init() {}

  public func forward(_ x: Tensor) -> Tensor {
    x.rank <= 2 ? x : x.mean(over: Array(2..<x.rank))
  }
}
