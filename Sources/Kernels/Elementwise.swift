import AviaryDiagnostics
import CKernels

extension Buffer {
  /// max(x, 0)
  package func relu() -> Buffer {
    let y = Buffer(layout)
    kernel("relu", layout, floats: 2 * count) { unsafe ak_relu(floats, y.floats, count) }
    return y
  }

  /// The elements where those of `y` are positive, else zero.
  package func masked(byPositive y: Buffer) -> Buffer {
    let result = Buffer(layout)
    kernel("relu, gradient", layout, floats: 3 * count) {
      unsafe ak_relu_backward(floats, y.floats, result.floats, count)
    }
    return result
  }

  /// The sum with a buffer of the same layout, and perhaps a relu; into one of the operands where that is given.
  package func adding(_ other: Buffer, relu: Bool, into result: Buffer? = nil) -> Buffer {
    let y = result ?? Buffer(layout)
    if relu {
      kernel("addition and relu", layout, floats: 3 * count) {
        unsafe ak_add_relu(floats, other.floats, y.floats, count)
      }
    } else {
      kernel("addition", layout, floats: 3 * count) { unsafe ak_add(floats, other.floats, y.floats, count) }
    }
    return y
  }

  /// scale · x + shift. A shift needs a layout without padding.
  package func scaled(by scale: Float, shift: Float = 0) -> Buffer {
    ensure(shift == 0 || !layout.isPadded, "a shift of \(shift) would write to the padding of a blocked layout")
    let y = Buffer(layout)
    kernel("scaling", layout, floats: 2 * count) { unsafe ak_affine(floats, scale, shift, y.floats, count) }
    return y
  }

  package func sum() -> Double { unsafe ak_sum(floats, count) }
  package func sumOfSquares() -> Double { unsafe ak_sum_of_squares(floats, count) }

  /// Row-major memory filled with one value.
  package static func filled(_ value: Float, shape: [Int]) -> Buffer {
    let y = Buffer(.plain(shape))
    kernel("filling", y.layout, floats: y.count) { unsafe ak_fill(y.floats, value, y.count) }
    return y
  }

  /// Zeros in any layout.
  package static func zeros(_ layout: Layout) -> Buffer {
    let y = Buffer(layout)
    kernel("filling", y.layout, floats: y.count) { unsafe ak_fill(y.floats, 0, y.count) }
    return y
  }
}

// MARK: - Broadcasting and reducing row-major buffers

package enum BinaryOperation: Sendable {
  case add, subtract, multiply, divide, maximum, minimum
  /// 1 where the first element is the larger, ½ where both are equal, else 0.
  case exceeds
  case raise, atan2, remainder
  /// 1 where the comparison holds, else 0.
  case less, lessOrEqual, equal
  /// The first element where the second is not 0, else 0.
  case keep

  var code: ak_binary {
    switch self {
    case .add: AK_ADD
    case .subtract: AK_SUBTRACT
    case .multiply: AK_MULTIPLY
    case .divide: AK_DIVIDE
    case .maximum: AK_MAXIMUM
    case .minimum: AK_MINIMUM
    case .exceeds: AK_EXCEEDS
    case .raise: AK_RAISE
    case .atan2: AK_ATAN2
    case .remainder: AK_REMAINDER
    case .less: AK_LESS
    case .lessOrEqual: AK_LESS_EQUAL
    case .equal: AK_EQUAL
    case .keep: AK_KEEP
    }
  }
}

extension Buffer {
  /// The most axes that kernels walk over: they keep their place in arrays of this size.
  package static let mostAxes = Int(AK_MAX_RANK)

  /// The strides with which a row-major operand of `shape` is read along `result`: 0 where it repeats.
  package static func strides(of shape: [Int], along result: [Int]) -> [Int64] {
    var strides = [Int64](repeating: 0, count: result.count)
    var step = 1
    for (offset, size) in shape.reversed().enumerated() {
      if size != 1 { strides[result.count - 1 - offset] = Int64(step) }
      step *= size
    }
    return strides
  }

  /// An operation on two row-major buffers whose shapes broadcast to `result`.
  package static func broadcast(
    _ operation: BinaryOperation, _ a: Buffer, _ aShape: [Int], _ b: Buffer, _ bShape: [Int], result: [Int]
  ) -> Buffer {
    ensure(result.count <= mostAxes, "a tensor has \(result.count) axes; at most \(mostAxes) are supported")
    let y = Buffer(.plain(result))
    if result.contains(0) { return y }
    kernel("broadcast", y.layout, floats: a.count + b.count + y.count) {
      unsafe ak_broadcast(
        operation.code, a.floats, strides(of: aShape, along: result), b.floats, strides(of: bShape, along: result),
        y.floats, result.map(Int64.init), Int32(result.count))
    }
    return y
  }

  /// The sums of a row-major buffer over the axes where `result`, which broadcasts to `shape`, has size 1 or none.
  package func summed(from shape: [Int], to result: [Int]) -> Buffer {
    ensure(shape.count <= Self.mostAxes, "a tensor has \(shape.count) axes; at most \(Self.mostAxes) are supported")
    let y = Buffer(.plain(result))
    let count = result.reduce(1, *)
    if shape.contains(0) { return .filled(0, shape: result) }
    kernel("sum", layout, floats: self.count + y.count) {
      unsafe ak_reduce_sum(
        floats, shape.map(Int64.init), Int32(shape.count), y.floats, Self.strides(of: result, along: shape), count)
    }
    return y
  }
}

// MARK: - Rows

extension Buffer {
  /// The softmax of every row, or its logarithm.
  package func softmax(rows: Int, columns: Int, logarithm: Bool) -> Buffer {
    let y = Buffer(layout)
    kernel("softmax", layout, floats: 2 * count) { unsafe ak_softmax(floats, y.floats, rows, columns, logarithm) }
    return y
  }

  /// The pullback of `softmax` from its result: this buffer is the gradient.
  package func softmaxBackward(result: Buffer, rows: Int, columns: Int, logarithm: Bool) -> Buffer {
    let dx = Buffer(layout)
    kernel("softmax, gradient", layout, floats: 3 * count) {
      unsafe ak_softmax_backward(floats, result.floats, dx.floats, rows, columns, logarithm)
    }
    return dx
  }

  /// From every row the element that its label names.
  package func picked(_ labels: [Int32], columns: Int) -> Buffer {
    let y = Buffer(.plain([labels.count]))
    kernel("picking", layout, floats: 2 * labels.count) {
      unsafe ak_pick(floats, labels, y.floats, labels.count, columns)
    }
    return y
  }

  /// The pullback of `picked`.
  package func placed(_ labels: [Int32], columns: Int) -> Buffer {
    let y = Buffer(.plain([labels.count, columns]))
    kernel("placing", y.layout, floats: labels.count + y.count) {
      unsafe ak_place(floats, labels, y.floats, labels.count, columns)
    }
    return y
  }

  /// weight · (softmax − one-hot), this buffer being the logarithm of the softmax.
  package func crossEntropyBackward(_ labels: [Int32], columns: Int, weight: Float) -> Buffer {
    let dx = Buffer(layout)
    kernel("cross entropy, gradient", layout, floats: 2 * count) {
      unsafe ak_cross_entropy_backward(floats, labels, weight, dx.floats, labels.count, columns)
    }
    return dx
  }
}

// MARK: - Random numbers

extension Buffer {
  /// Row-major uniform numbers in [lower, upper).
  package static func uniform(_ lower: Float, _ upper: Float, stream: RandomStream, shape: [Int]) -> Buffer {
    let y = Buffer(.plain(shape))
    kernel("uniform numbers", y.layout, floats: y.count) {
      unsafe ak_random_uniform(y.floats, lower, upper, stream.key, stream.step, shape.reduce(1, *))
    }
    return y
  }

  /// Row-major normal numbers.
  package static func normal(mean: Float, deviation: Float, stream: RandomStream, shape: [Int]) -> Buffer {
    let y = Buffer(.plain(shape))
    kernel("normal numbers", y.layout, floats: y.count) {
      unsafe ak_random_normal(y.floats, mean, deviation, stream.key, stream.step, shape.reduce(1, *))
    }
    return y
  }

  /// Zero with probability `rate`, else x / (1 − rate): the same elements for the same stream, in any layout.
  ///
  /// - Parameter first: how many elements come before these in the array that they are a part of.
  package func droppedOut(rate: Float, stream: RandomStream, from first: Int = 0) -> Buffer {
    if first != 0 {
      let plain = reordered(to: layout.plain)
      let y = Buffer(plain.layout)
      kernel("dropout", layout, floats: 2 * count) {
        unsafe ak_dropout_from(UInt64(first), plain.floats, y.floats, rate, stream.key, stream.step, plain.count)
      }
      return y
    }
    guard let block = layout.channelBlock else {
      let plain = reordered(to: layout.plain)
      let y = Buffer(plain.layout)
      kernel("dropout", layout, floats: 2 * count) {
        unsafe ak_dropout(plain.floats, y.floats, rate, stream.key, stream.step, plain.count)
      }
      return y
    }
    let y = Buffer(layout)
    let shape = layout.dimensions
    kernel("dropout", layout, floats: 2 * count) {
      unsafe ak_dropout_blocked(
        floats, y.floats, rate, stream.key, stream.step, shape[0], shape[1], shape.dropFirst(2).reduce(1, *), block)
    }
    return y
  }
}

/// The sum of numbers in memory, accumulated in double, on the calling thread.
package func sum(_ scalars: Span<Float>) -> Double {
  unsafe scalars.withUnsafeBufferPointer { unsafe $0.baseAddress.map { unsafe ak_sum($0, scalars.count) } ?? 0 }
}
