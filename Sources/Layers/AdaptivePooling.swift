import AviaryDiagnostics
import AviaryTensors

/// Means over an adaptive grid of regions of [N, C, L].
public typealias AdaptiveAvgPool1d = AdaptiveAvgPool<OneAxis>
/// Means over an adaptive grid of regions of [N, C, H, W].
public typealias AdaptiveAvgPool2d = AdaptiveAvgPool<TwoAxes>
/// Means over an adaptive grid of regions of [N, C, D, H, W].
public typealias AdaptiveAvgPool3d = AdaptiveAvgPool<ThreeAxes>

/// The means of windows chosen so that the result has the given size: [N, C, …] → [N, C, output…], PyTorch's
/// `nn.AdaptiveAvgPool1d` to `3d`.
public struct AdaptiveAvgPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let output: [Int]
  private let site = Site()

  /// - Parameter output: one number for all axes, or one for each.
  public init(_ output: any AxisSizes) { self.output = output.sizes(axes: Axes.count) }

  static var name: String { "AdaptiveAvgPool\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == Axes.count + 2, "\(site.layerPath): \(Self.name): input \(x.shape) does not go with size \(output)")
    return adaptiveAveragePool(x, output: output)
  }
}

/// Maxima over an adaptive grid of regions of [N, C, L].
public typealias AdaptiveMaxPool1d = AdaptiveMaxPool<OneAxis>
/// Maxima over an adaptive grid of regions of [N, C, H, W].
public typealias AdaptiveMaxPool2d = AdaptiveMaxPool<TwoAxes>
/// Maxima over an adaptive grid of regions of [N, C, D, H, W].
public typealias AdaptiveMaxPool3d = AdaptiveMaxPool<ThreeAxes>

/// The largest elements of windows chosen so that the result has the given size: [N, C, …] → [N, C, output…], PyTorch's
/// `nn.AdaptiveMaxPool1d` to `3d`.
public struct AdaptiveMaxPool<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  private let output: [Int]
  private let site = Site()

  /// - Parameter output: one number for all axes, or one for each.
  public init(_ output: any AxisSizes) { self.output = output.sizes(axes: Axes.count) }

  static var name: String { "AdaptiveMaxPool\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == Axes.count + 2, "\(site.layerPath): \(Self.name): input \(x.shape) does not go with size \(output)")
    return adaptiveMaxPool(x, output: output)
  }
}
