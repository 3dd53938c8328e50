import AviaryKernels

extension Tensor {
  /// The sums of the elements up to each position along an axis, accumulated in double; PyTorch's `cumsum`.
  public func cumulativeSum(axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "cumulativeSum")
    let view = AxisView(shape, axis: axis)
    return operation {
      let y = Tensor(plainBuffer.runningSums(view, shape, fromEnd: false), shape: shape)
      return recorded(y, as: .init("cumulativeSum", "axis", .integer(axis)), from: self) {
        [x = operand] dy, cotangents in
        cotangents.add(Tensor(dy.plainBuffer.runningSums(view, x.shape, fromEnd: true), shape: x.shape), to: x)
      }
    }
  }

  /// The products of the elements up to each position along an axis, accumulated in double; PyTorch's `cumprod`.
  public func cumulativeProduct(axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "cumulativeProduct")
    let view = AxisView(shape, axis: axis)
    return operation {
      let y = Buffer.made(shape, from: plainBuffer) { x, y in
        view.forEachLine { start, _ in
          var product = 1.0
          for place in view.places(start) {
            product *= Double(x[place])
            y[place] = Float(product)
          }
        }
      }
      return recorded(
        Tensor(y, shape: shape), as: .init("cumulativeProduct", "axis", .integer(axis)), from: self
      ) { dy, cotangents in
        let gradient = dy.plainBuffer
        let dx = gradient.reading { gradient in
          Buffer.made(shape, from: plainBuffer) { x, slopes in productSlopes(view, x, gradient, &slopes) }
        }
        cotangents.add(Tensor(dx, shape: shape), to: self)
      }
    }
  }
}

/// ∂L/∂xₖ = (Π_{i<k} xᵢ) · tₖ, where tₖ = gₖ + xₖ₊₁ · tₖ₊₁ sums up what depends on xₖ. Without a division, zeros do no harm.
private func productSlopes(
  _ view: AxisView, _ x: Span<Float>, _ gradient: Span<Float>, _ slopes: inout MutableSpan<Float>
) {
  var tails = [Double](repeating: 0, count: view.size)
  for group in 0..<view.outer {
    for offset in 0..<view.inner {
      let start = group * view.size * view.inner + offset
      var tail = 0.0
      for position in (0..<view.size).reversed() {
        let place = start + position * view.inner
        tail += Double(gradient[place])
        tails[position] = tail
        tail *= Double(x[place])
      }
      var head = 1.0
      for position in 0..<view.size {
        let place = start + position * view.inner
        // As in PyTorch, which divides by the element.
        slopes[place] = x[place].isFinite ? Float(head * tails[position]) : .nan
        head *= Double(x[place])
      }
    }
  }
}

extension AxisView {
  /// The places of a line's elements.
  func places(_ start: Int) -> StrideTo<Int> { stride(from: start, to: start + size * inner, by: inner) }
}

extension Buffer {
  fileprivate func runningSums(_ view: AxisView, _ shape: [Int], fromEnd: Bool) -> Buffer {
    Buffer.made(shape, from: self) { x, y in
      for group in 0..<view.outer {
        for offset in 0..<view.inner {
          let first = group * view.size * view.inner + offset
          let last = first + (view.size - 1) * view.inner
          var sum = 0.0
          for place in stride(
            from: fromEnd ? last : first, through: fromEnd ? first : last, by: fromEnd ? -view.inner : view.inner)
          {
            sum += Double(x[place])
            y[place] = Float(sum)
          }
        }
      }
    }
  }
}
