import AviaryDiagnostics
import CKernels

/// Normalisation of the rows of a row-major array: of layers, or of groups of channels.
package struct RowNormalization: Sendable {
  private let rows: Int
  private let groups: Int
  private let channels: Int
  private let run: Int
  private let epsilon: Float

  /// - Parameters:
  ///   - rows: Rows r of one group have r mod `groups` in common.
  ///   - channels, run: a row consists of `channels` runs of `run` elements; each run has its own factor and shift.
  package init(rows: Int, groups: Int, channels: Int, run: Int, epsilon: Float) {
    self.rows = rows
    self.groups = groups
    self.channels = channels
    self.run = run
    self.epsilon = epsilon
  }

  private var shape: ak_rows { ak_rows(rows: rows, groups: groups, channels: channels, run: run) }

  /// What the backward pass needs of the forward pass: one number a row.
  package struct Statistics: Sendable {
    let mean: Buffer
    let inverseDeviation: Buffer
  }

  package func forward(_ x: Buffer, scale: Buffer?, shift: Buffer?) -> (y: Buffer, statistics: Statistics) {
    ensure(
      x.layout.isPlain && x.count == rows * channels * run,
      "\(x.count) elements are not \(rows) rows of \(channels) channels of \(run)")
    let y = Buffer(x.layout)
    let statistics = Statistics(mean: Buffer(.plain([rows])), inverseDeviation: Buffer(.plain([rows])))
    kernel("row normalisation", x.layout, floats: 2 * x.count) {
      unsafe ak_normalize_rows(
        shape, x.floats, scale?.floats, shift?.floats, epsilon, y.floats, statistics.mean.floats,
        statistics.inverseDeviation.floats)
    }
    return (y, statistics)
  }

  /// The gradient with respect to the operand.
  package func backward(_ gradient: Buffer, x: Buffer, scale: Buffer?, statistics: Statistics) -> Buffer {
    ensure(gradient.layout == x.layout, "the gradient's layout differs from that of the normalised values")
    let dx = Buffer(x.layout)
    kernel("row normalisation, gradient", x.layout, floats: 3 * x.count) {
      unsafe ak_normalize_rows_backward(
        shape, gradient.floats, x.floats, scale?.floats, statistics.mean.floats, statistics.inverseDeviation.floats,
        dx.floats, nil, nil)
    }
    return dx
  }

  /// The gradients with respect to scale and shift, of `groups` · `channels` elements each.
  package func backwardAffine(
    _ gradient: Buffer, x: Buffer, statistics: Statistics
  ) -> (scale: Buffer, shift: Buffer) {
    ensure(gradient.layout == x.layout, "the gradient's layout differs from that of the normalised values")
    let result = (Buffer(.plain([groups * channels])), Buffer(.plain([groups * channels])))
    kernel("row normalisation, gradient", x.layout, floats: 3 * x.count) {
      unsafe ak_normalize_rows_backward(
        shape, gradient.floats, x.floats, nil, statistics.mean.floats, statistics.inverseDeviation.floats, nil,
        result.0.floats, result.1.floats)
    }
    return result
  }
}

/// Local response normalisation across the channels of a row-major [N, C, positions].
package struct ResponseNormalization: Sendable {
  private let dimensions: [Int]
  private let size: Int
  private let alpha: Float
  private let beta: Float
  private let k: Float

  package init(images: Int, channels: Int, positions: Int, size: Int, alpha: Float, beta: Float, k: Float) {
    dimensions = [images, channels, positions]
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
  }

  private var shape: ak_response {
    ak_response(
      images: dimensions[0], channels: dimensions[1], positions: dimensions[2], size: size, alpha: alpha, beta: beta,
      k: k)
  }

  /// The result, and what it was divided by before that was raised to β.
  package func forward(_ x: Buffer) -> (y: Buffer, base: Buffer) {
    ensure(
      x.layout.isPlain && x.count == dimensions.reduce(1, *),
      "\(x.count) elements do not fill dimensions \(dimensions)")
    let (y, base) = (Buffer(x.layout), Buffer(x.layout))
    kernel("response normalisation", x.layout, floats: 3 * x.count) {
      unsafe ak_response_norm(shape, x.floats, base.floats, y.floats)
    }
    return (y, base)
  }

  package func backward(_ gradient: Buffer, x: Buffer, base: Buffer) -> Buffer {
    ensure(
      gradient.layout == x.layout && base.layout == x.layout,
      "the gradient's layout differs from that of the normalised values")
    let dx = Buffer(x.layout)
    kernel("response normalisation, gradient", x.layout, floats: 4 * x.count) {
      unsafe ak_response_norm_backward(shape, gradient.floats, x.floats, base.floats, dx.floats)
    }
    return dx
  }
}

extension Buffer {
  /// Ones of [planes, rows, columns], with zeros in squares that begin at random with the probability given; and how
  /// many ones are left.
  package static func droppingBlocks(
    planes: Int, rows: Int, columns: Int, block: Int, rate: Float, stream: RandomStream
  ) -> (mask: Buffer, kept: Int) {
    ensure(
      block >= 1 && block <= rows && block <= columns,
      "a block of \(block) does not fit in \(rows)×\(columns) positions")
    let seeds = uniform(0, 1, stream: stream, shape: [planes, rows - block + 1, columns - block + 1])
    let mask = Buffer(.plain([planes, rows, columns]))
    let kept = unsafe ak_drop_blocks(seeds.floats, rate, mask.floats, planes, rows, columns, block)
    return (mask, kept)
  }
}
