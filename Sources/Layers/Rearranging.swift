import AviaryDiagnostics
import AviaryTensors

// Layers that move numbers to other places and compute none. Positions are the axes after [N, C].

/// Zeros around the positions: [N, C, …] → [N, C, …]; PyTorch's `nn.ZeroPad1d` to `3d`.
public struct ZeroPad: UnaryLayer {
  private let amounts: [[Int]]
  private let site = Site()

  /// - Parameter amounts: how many before and after, for each axis of positions.
  public init(_ amounts: [(before: Int, after: Int)]) {
    ensure(amounts.allSatisfy { $0.before >= 0 && $0.after >= 0 }, "ZeroPad: \(amounts) must not be negative")
    self.amounts = amounts.map { [$0.before, $0.after] }
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank == amounts.count + 2, "\(site.layerPath): ZeroPad: input \(x.shape) does not go with \(amounts)")
    return amounts.indices.reduce(x) { $0.padded(axis: $1 + 2, before: amounts[$1][0], after: amounts[$1][1]) }
  }
}

/// The positions without those at the borders: [N, C, …] → [N, C, …].
public struct Crop: UnaryLayer {
  private let amounts: [[Int]]
  private let site = Site()

  /// - Parameter amounts: how many are left out at the start and the end, for each axis of positions.
  public init(_ amounts: [(before: Int, after: Int)]) {
    ensure(amounts.allSatisfy { $0.before >= 0 && $0.after >= 0 }, "Crop: \(amounts) must not be negative")
    self.amounts = amounts.map { [$0.before, $0.after] }
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == amounts.count + 2 && zip(x.shape[2...], amounts).allSatisfy { $0 > $1[0] + $1[1] },
      "\(site.layerPath): Crop: input \(x.shape) does not go with \(amounts)")
    return amounts.indices.reduce(x) {
      $0.slice(axis: $1 + 2, from: amounts[$1][0], to: $0.shape[$1 + 2] - amounts[$1][1])
    }
  }
}

/// Every position several times along each axis: [N, C, …] → [N, C, …]; PyTorch's `nn.Upsample` by a whole factor with the
/// nearest neighbour.
public struct Upsample: UnaryLayer {
  private let factors: [Int]
  private let site = Site()

  /// - Parameter factors: one for each axis of positions.
  public init(_ factors: [Int]) {
    ensure(factors.allSatisfy { $0 >= 1 }, "Upsample: \(factors) are not positive")
    self.factors = factors
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank == factors.count + 2, "\(site.layerPath): Upsample: input \(x.shape) does not go with \(factors)")
    return factors.indices.reduce(x) { $0.repeated(factors[$1], axis: $1 + 2) }
  }
}

/// The same numbers in another shape: [N, …] → [N, shape…].
public struct Reshape: UnaryLayer {
  private let shape: [Int]
  private let axis: Int
  private let site = Site()

  /// - Parameters:
  ///   - shape: without the batch; -1 for the one size that the others leave.
  ///   - axis: where the channels are, before and after: -1, which only reads the numbers in another way, or 1 for [N, C, …],
  ///     whose numbers are read as if the channels came last, as `shape` has them.
  public init(_ shape: [Int], axis: Int = -1) {
    ensure(
      shape.count { $0 == -1 } <= 1 && shape.allSatisfy { $0 == -1 || $0 > 0 }, "Reshape: \(shape) is not a shape")
    self.shape = shape
    self.axis = axis
  }

  public func forward(_ x: Tensor) -> Tensor {
    let count = x.shape.dropFirst().reduce(1, *)
    let known = shape.reduce(1) { $1 > 0 ? $0 * $1 : $0 }
    let sizes = shape.map { $0 > 0 ? $0 : count / known }
    ensure(
      sizes.reduce(1, *) == count, "\(site.layerPath): Reshape: input \(x.shape) does not have the shape [N] + \(shape)"
    )
    return (axis == 1 ? x.channelsLast() : x).reshaped(to: [x.shape[0]] + sizes).movingAxis(-1, to: axis)
  }
}

/// The axes after the batch in another order.
public struct Permute: UnaryLayer {
  private let order: [Int]
  private let site = Site()

  /// - Parameter order: axis i of the result is axis order[i] of the input, the batch not counted.
  public init(_ order: [Int]) {
    ensure(order.sorted() == Array(order.indices), "Permute: \(order) is not an order of axes")
    self.order = order
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank == order.count + 1, "\(site.layerPath): Permute: input \(x.shape) does not go with \(order)")
    return x.transposed([0] + order.map { $0 + 1 })
  }
}

/// A row as a sequence of copies: [N, C] → [N, C, count].
public struct RepeatRow: UnaryLayer {
  private let count: Int
  private let site = Site()

  /// Repeats each row `count` times.
  public init(_ count: Int) {
    ensure(count >= 1, "RepeatRow: \(count) copies; at least 1 is needed")
    self.count = count
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank == 2, "\(site.layerPath): RepeatRow: input \(x.shape) has other axes than [N, C]")
    return x.reshaped(to: x.shape + [1]).repeated(count, axis: 2)
  }
}

/// x · scale + offset, both fixed.
public struct Rescale: UnaryLayer {
  private let scale: Float
  private let offset: Float
  private let site = Site()

  /// x · scale + offset
  public init(_ scale: Float, offset: Float = 0) {
    self.scale = scale
    self.offset = offset
  }

  public func forward(_ x: Tensor) -> Tensor { x * scale + offset }
}

/// The channels of groups by turns, the first of each, then the second of each (Zhang et al., 2017): [N, C, …] → [N, C, …];
/// PyTorch's `nn.ChannelShuffle`.
public struct ChannelShuffle: UnaryLayer {
  private let groups: Int
  private let site = Site()

  /// Shuffles channels between `groups` groups.
  public init(_ groups: Int) {
    ensure(groups >= 1, "ChannelShuffle: \(groups) groups are not positive")
    self.groups = groups
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank >= 2 && x.shape[1] % groups == 0,
      "\(site.layerPath): ChannelShuffle: input \(x.shape) does not come apart into \(groups) groups of channels")
    return interleaved(x.split(sizes: Array(repeating: x.shape[1] / groups, count: groups), axis: 1))
  }
}
