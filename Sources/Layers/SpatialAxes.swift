import AviaryDiagnostics

/// The number of axes that a convolution or a pool slides over, as a type: `Conv<TwoAxes>` is `Conv2d`.
public protocol SpatialAxes: Sendable {
  /// How many there are.
  static var count: Int { get }
}

/// [N, C, L]
public enum OneAxis: SpatialAxes {
  /// 1
  public static let count = 1
}
/// [N, C, H, W]
public enum TwoAxes: SpatialAxes {
  /// 2
  public static let count = 2
}
/// [N, C, D, H, W]
public enum ThreeAxes: SpatialAxes {
  /// 3
  public static let count = 3
}

/// Sizes along the spatial axes: a number for all of them alike, `3`, or one for each, `[3, 5]`.
public protocol AxisSizes: Sendable {
  /// One number for each axis.
  func sizes(axes: Int) -> [Int]
}

extension Int: AxisSizes {
  public func sizes(axes: Int) -> [Int] { Array(repeating: self, count: axes) }
}

extension [Int]: AxisSizes {
  public func sizes(axes: Int) -> [Int] {
    ensure(count == axes, "\(self) are not the sizes along \(axes) axes")
    return self
  }
}

/// A layer whose type is generic and which prints itself under PyTorch's name.
protocol NamedLayer: Layer {
  static var name: String { get }
}
