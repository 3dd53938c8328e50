import AviaryDiagnostics
import CKernels

/// Pooling of row-major planes over windows of any sizes: those of adaptive pools, and what oneDNN has no primitive for.
package struct WindowPooling: Sendable {
  package enum Kind: Sendable {
    case max, min, mean

    fileprivate var code: ak_pool_kind {
      switch self {
      case .max: AK_POOL_MAX
      case .min: AK_POOL_MIN
      case .mean: AK_POOL_MEAN
      }
    }
  }

  private let kind: Kind
  /// [N, C, …]
  private let input: [Int]
  /// [N, C, …]
  package let output: [Int]
  /// Sizes and counts of three axes: those that are not there have size 1 and one window.
  private let sizes: [Int64]
  private let counts: [Int64]
  private let starts: [Int32]
  private let ends: [Int32]

  /// - Parameter windows: for each spatial axis the positions that its windows cover.
  package init(kind: Kind, input: [Int], windows: [[Range<Int>]]) {
    let spatial = input.dropFirst(2)
    ensure(
      (1...3).contains(spatial.count) && windows.count == spatial.count
        && zip(windows, spatial).allSatisfy { axis, size in
          axis.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= size }
        }, "pooling of \(input): windows that do not lie in it")
    self.kind = kind
    self.input = input
    output = input.prefix(2) + windows.map(\.count)
    let absent = 3 - spatial.count
    let all = Array(repeating: [0..<1], count: absent) + windows
    sizes = Array(repeating: 1, count: absent) + spatial.map(Int64.init)
    counts = all.map { Int64($0.count) }
    starts = all.joined().map { Int32($0.lowerBound) }
    ends = all.joined().map { Int32($0.upperBound) }
  }

  private var planes: Int64 { Int64(input[0] * input[1]) }

  package func forward(_ x: Buffer) -> Buffer {
    let y = Buffer(.plain(output))
    kernel("window pooling", y.layout, floats: x.count + y.count) {
      unsafe ak_window_pool(kind.code, x.floats, y.floats, planes, sizes, counts, starts, ends)
    }
    return y
  }

  /// The gradient with respect to the input `x`.
  package func backward(_ gradient: Buffer, x: Buffer) -> Buffer {
    let dx = Buffer(.plain(input))
    kernel("window pooling, gradient", dx.layout, floats: gradient.count + x.count + dx.count) {
      unsafe ak_window_pool_backward(
        kind.code, gradient.floats, x.floats, dx.floats, planes, sizes, counts, starts, ends)
    }
    return dx
  }
}
