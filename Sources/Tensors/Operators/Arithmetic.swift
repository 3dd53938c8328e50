import AviaryDiagnostics
import AviaryKernels

// Addition, subtraction, multiplication, division and what is alike, with NumPy's broadcasting: shapes are aligned at their last axes,
// and an axis of size 1, or a missing one, repeats.

extension Tensor {
  /// The sum, element by element, with broadcasting.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    guard a.shape == b.shape else { return broadcast(.add, a, b) }
    return operation {
      recorded(deferredSum(a, b), as: .init("add"), from: a, b) { [a = a.operand, b = b.operand] dy, cotangents in
        cotangents.add(dy, to: a)
        cotangents.add(dy, to: b)
      }
    }
  }

  /// The difference, element by element, with broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor { broadcast(.subtract, a, b) }

  /// The product, element by element, with broadcasting.
  public static func * (a: Tensor, b: Tensor) -> Tensor { broadcast(.multiply, a, b) }

  /// The quotient, element by element, with broadcasting.
  public static func / (a: Tensor, b: Tensor) -> Tensor { broadcast(.divide, a, b) }

  /// The sum, element by element, with broadcasting.
  public static func + (a: Tensor, b: Float) -> Tensor { a.affine(scale: 1, shift: b) }
  /// The difference, element by element, with broadcasting.
  public static func - (a: Tensor, b: Float) -> Tensor { a.affine(scale: 1, shift: -b) }
  /// The product, element by element, with broadcasting.
  public static func * (a: Tensor, b: Float) -> Tensor { a.scaled(by: b) }
  /// The quotient, element by element, with broadcasting.
  public static func / (a: Tensor, b: Float) -> Tensor {
    let scale = 1 / b
    // Of the smallest numbers the reciprocal is infinite, and their quotients are not.
    return scale.isInfinite && b != 0 ? a / Tensor(b) : a.scaled(by: scale)
  }
  /// The sum, element by element, with broadcasting.
  public static func + (a: Float, b: Tensor) -> Tensor { b.affine(scale: 1, shift: a) }
  /// The difference, element by element, with broadcasting.
  public static func - (a: Float, b: Tensor) -> Tensor { b.affine(scale: -1, shift: a) }
  /// The product, element by element, with broadcasting.
  public static func * (a: Float, b: Tensor) -> Tensor { b.scaled(by: a) }
  /// Every element with the other sign.
  public static prefix func - (a: Tensor) -> Tensor { a.scaled(by: -1) }

  /// With −0 to be added, which changes nothing: +0 would take the sign of a zero, and that of its reciprocal.
  private func scaled(by factor: Float) -> Tensor { affine(scale: factor, shift: -0.0) }

  private func affine(scale: Float, shift: Float) -> Tensor {
    operation {
      // What pads a layout has to stay zero.
      let x = shift == 0 && scale.isFinite ? buffer : plainBuffer
      return recorded(
        Tensor(x.scaled(by: scale, shift: shift), shape: shape),
        as: .init("affine", .affine(scale: scale, shift: shift == 0 ? 0 : shift)), from: self
      ) { [x = operand] dy, cotangents in
        cotangents.add(dy.scaled(by: scale), to: x)
      }
    }
  }

  /// A sum of equal shapes that becomes a part of a convolution, or waits for a relu.
  private static func deferredSum(_ a: Tensor, _ b: Tensor) -> Tensor {
    for (own, other) in [(a, b), (b, a)] {
      if case .convolution(let convolution)? = own.deferred, convolution.isBare, own.content !== other.content {
        let fused = convolution.copy()
        fused.addend = other.detached()
        return Tensor(.convolution(fused), shape: a.shape)
      }
    }
    return Tensor(.sum(a.detached(), b.detached()), shape: a.shape)
  }

  /// The sum of equal shapes, and perhaps its relu, in the layout of the operand that is not row-major.
  static func sum(_ a: Tensor, _ b: Tensor, relu: Bool) -> Buffer {
    let (x, y) = (a.buffer, b.buffer)
    let layout = x.layout.isPlain ? y.layout : x.layout
    return x.reordered(to: layout).adding(y.reordered(to: layout), relu: relu)
  }

  static func broadcast(_ kind: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
    let shape = broadcastShape(a.shape, b.shape)
    return operation {
      let scaled = kind == .multiply ? scaledChannels(a, b) ?? scaledChannels(b, a) : nil
      let y = Tensor(
        scaled ?? Buffer.broadcast(kind, a.plainBuffer, a.shape, b.plainBuffer, b.shape, result: shape), shape: shape)
      if kind == .add || kind == .subtract {
        return recorded(y, as: .init(kind.name), from: a, b) { [a = a.operand, b = b.operand] dy, cotangents in
          cotangents.add(dy.summed(to: a.shape), to: a)
          cotangents.add((kind == .add ? dy : -dy).summed(to: b.shape), to: b)
        }
      }
      return recorded(y, as: .init(kind.name), from: a, b) { dy, cotangents in
        switch kind {
        case .multiply:
          cotangents.add(factorGradient(dy, of: a, times: b), to: a)
          cotangents.add(factorGradient(dy, of: b, times: a), to: b)
        case .divide:
          cotangents.add((dy / b.detached()).summed(to: a.shape), to: a)
          cotangents.add((-(dy * y) / b.detached()).summed(to: b.shape), to: b)
        case .maximum, .minimum:
          let share = broadcast(.exceeds, (kind == .maximum ? a : b).detached(), (kind == .maximum ? b : a).detached())
          // Zero times infinity would not be zero for the element that did not win.
          func shared(_ share: Tensor) -> Tensor { Tensor.combined(.keep, dy, share) * share }
          cotangents.add(shared(share).summed(to: a.shape), to: a)
          cotangents.add(shared(1 - share).summed(to: b.shape), to: b)
        default: break
        }
      }
    }
  }

  /// The product with factors of whole channels, in the layout that x has; nil where they are something else.
  private static func scaledChannels(_ x: Tensor, _ factors: Tensor) -> Buffer? {
    guard x.rank >= 3, factors.shape != x.shape, !factors.shape.contains(0) else { return nil }
    let buffer = x.buffer
    return ChannelScaling(buffer.layout, factors: factors.shape)?(buffer, by: factors.plainBuffer)
  }

  /// The gradient of a factor, from that of its product with the other one.
  private static func factorGradient(_ dy: Tensor, of own: Tensor, times other: Tensor) -> Tensor {
    if own.shape != dy.shape, other.shape == dy.shape, dy.rank >= 3 {
      let x = other.buffer
      if let scaling = ChannelScaling(x.layout, factors: own.shape) {
        return Tensor(scaling.pullback(dy.buffer.reordered(to: x.layout), x).reshaped(to: own.shape), shape: own.shape)
      }
    }
    return (dy * other.detached()).summed(to: own.shape)
  }

  static func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int] {
    let rank = Swift.max(a.count, b.count)
    let left = Array(repeating: 1, count: rank - a.count) + a
    let right = Array(repeating: 1, count: rank - b.count) + b
    return zip(left, right).map { x, y in
      ensure(x == y || x == 1 || y == 1, "the shapes \(a) and \(b) do not go together")
      return x == 1 ? y : x
    }
  }

  /// The sums over the axes along which `shape` was repeated; to be called in a pullback.
  func summed(to shape: [Int]) -> Tensor {
    if shape == self.shape { return self }
    return Tensor(plainBuffer.summed(from: self.shape, to: shape), shape: shape)
  }
}

extension BinaryOperation {
  /// The name in a trace.
  var name: String {
    switch self {
    case .add: "add"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .divide: "divide"
    case .maximum: "maximum"
    case .minimum: "minimum"
    case .exceeds: "exceeds"
    case .raise: "pow"
    case .atan2: "atan2"
    case .remainder: "remainder"
    case .less: "less"
    case .lessOrEqual: "lessOrEqual"
    case .equal: "equal"
    case .keep: "keep"
    }
  }
}

/// The square root of every element. It has no pullback: it serves statistics, which are not differentiated.
func squareRoot(_ x: Tensor) -> Tensor {
  Tensor(x.scalars.map { $0.squareRoot() }, shape: x.shape)
}
