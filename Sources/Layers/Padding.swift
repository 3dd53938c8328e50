import AviaryDiagnostics

/// Zeros around the spatial axes of a convolution's or a pool's input.
public enum Padding: LayerConfiguration, Equatable {
  /// These numbers of zeros, one for each axis, at both of its ends.
  case fixed([Int])
  /// `.same`: as TensorFlow pads. An axis of L positions gets ⌈L / stride⌉ windows, and the odd zero more stands at the end;
  /// how many there are depends on the size of the input.
  case centered
  /// `.causal`: all zeros before the first position, so that no window sees what comes after it (van den Oord et al., 2016).
  case leading
}

/// What a padding can be given as: a number for all axes alike, `1`, one for each, `[0, 2]`, `.same` or `.causal`.
public protocol AxisPadding: Sendable {
  /// The padding for a number of axes.
  func padding(axes: Int) -> Padding
}

extension Int: AxisPadding {
  /// The padding for a number of axes.
  public func padding(axes: Int) -> Padding { .fixed(sizes(axes: axes)) }
}

extension [Int]: AxisPadding {
  /// The padding for a number of axes.
  public func padding(axes: Int) -> Padding { .fixed(sizes(axes: axes)) }
}

extension Padding: AxisPadding {
  /// The padding for a number of axes.
  public func padding(axes: Int) -> Padding {
    if case .fixed(let sizes) = self { return .fixed(sizes.sizes(axes: axes)) }
    return self
  }
}

extension AxisPadding where Self == Padding {
  /// As many positions come out as go in, if the stride is 1; zeros on both sides.
  public static var same: Padding { .centered }
  /// Zeros before the first position only, so that no position sees a later one.
  public static var causal: Padding { .leading }
}

extension Padding {
  /// Where the windows of an axis lie: the zeros before and after it, and how many windows there are; none is 0.
  ///
  /// - Parameters:
  ///   - size: the number of positions.
  ///   - reach: from the first element of a window to its last, both included.
  package func windows(axis: Int, size: Int, reach: Int, stride: Int) -> (before: Int, after: Int, count: Int) {
    switch self {
    case .fixed(let sizes):
      let room = size + 2 * sizes[axis] - reach
      return (sizes[axis], sizes[axis], room < 0 ? 0 : room / stride + 1)
    case .leading: return (reach - 1, 0, (size + stride - 1) / stride)
    case .centered:
      let count = (size + stride - 1) / stride
      let zeros = max(0, (count - 1) * stride + reach - size)
      return (zeros / 2, zeros - zeros / 2, count)
    }
  }

  /// The zeros before and after each spatial axis of an input [N, C, …], and whether each has a window.
  ///
  /// - Returns: `after` is nil where it is the same as `before`.
  func zeros(
    around shape: [Int], reach: (Int) -> Int, stride: [Int]
  ) -> (before: [Int], after: [Int]?, hasWindows: Bool) {
    func windows(_ axis: Int) -> (before: Int, after: Int, count: Int) {
      self.windows(axis: axis, size: shape[axis + 2], reach: reach(axis), stride: stride[axis])
    }
    let hasWindows = stride.indices.allSatisfy { windows($0).count > 0 }
    if case .fixed(let sizes) = self { return (sizes, nil, hasWindows) }
    return (stride.indices.map { windows($0).before }, stride.indices.map { windows($0).after }, hasWindows)
  }
}
