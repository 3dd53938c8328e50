import AviaryDiagnostics
import AviaryKernels

/// max(x, 0), element by element.
public func relu(_ x: Tensor) -> Tensor {
  frame {
    if let pass = Pass.current.onComputeThread.pending, case .batchNormalization(let own)? = x.deferred, own === pass {
      Pass.current.onComputeThread.pending = nil
      let y = Tensor(pass.result(relu: true), shape: x.shape)
      return recorded(y, as: .init("relu"), from: x) { [x = x.operand] dy, cotangents in
        cotangents.add(Tensor(.masked(gradient: dy, pass: pass), shape: x.shape), to: x)
      }
    }
    Pass.resolvePending()
    let y = rectified(x)
    let known = recorded(y, as: .init("relu"), from: x) { [x = x.operand] dy, cotangents in
      if dy.content.onComputeThread.maskedBy === y.content { return cotangents.add(dy, to: x) }
      let result = y.buffer
      cotangents.add(
        Tensor(dy.buffer.reordered(to: result.layout).masked(byPositive: result), shape: x.shape), to: x)
    }
    Pass.current.onComputeThread.tape?.noteRectified(known)
    return known
  }
}

/// The relu without its record, as a part of what comes before where that is possible.
private func rectified(_ x: Tensor) -> Tensor {
  switch x.deferred {
  case .convolution(let convolution) where convolution.takesRelu:
    let fused = convolution.copy()
    fused.relu = true
    return Tensor(.convolution(fused), shape: x.shape)
  case .sum(let a, let b):
    return Tensor(Tensor.sum(a, b, relu: true), shape: x.shape)
  case .channelNormalization(let input, let normalization):
    return Tensor(untraced { normalization.result(input, relu: true) }, shape: x.shape)
  default:
    return Tensor(x.buffer.relu(), shape: x.shape)
  }
}

/// The softmax along an axis: exp(x) / Σ exp(x). A negative axis counts from the last.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor { softmax(x, axis: axis, logarithm: false) }

/// The logarithm of the softmax along an axis, computed without overflow. A negative axis counts from the last.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor { softmax(x, axis: axis, logarithm: true) }

private func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
  let axis = axis < 0 ? axis + x.rank : axis
  ensure(x.shape.indices.contains(axis), "softmax: \(x.shape) has no axis \(axis)")
  let name = logarithm ? "logSoftmax" : "softmax"
  if axis != x.rank - 1 {
    var order = Array(x.shape.indices)
    order.swapAt(axis, x.rank - 1)
    return composed(.init(name, "axis", .integer(axis)), from: [x]) {
      softmax(x.transposed(order), axis: x.rank - 1, logarithm: logarithm).transposed(order)
    }
  }
  let columns = x.shape[axis]
  let rows = columns == 0 ? 0 : x.count / columns
  return operation {
    let y = Tensor(x.plainBuffer.softmax(rows: rows, columns: columns, logarithm: logarithm), shape: x.shape)
    return recorded(y, as: .init(name, "axis", .integer(axis)), from: x) { [x = x.operand] dy, cotangents in
      let dx = dy.plainBuffer.softmaxBackward(
        result: y.plainBuffer, rows: rows, columns: columns, logarithm: logarithm)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}
