import AviaryDiagnostics
import AviaryKernels

/// x·Wᵀ + b: [N…, I] by [O, I] → [N…, O], with a bias of [O].
public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
  ensure(
    x.rank >= 1 && weight.rank == 2 && x.shape[x.rank - 1] == weight.shape[1]
      && (bias.map { $0.shape == [weight.shape[0]] } ?? true),
    "linear: input \(x.shape) does not go with weight \(weight.shape), bias \(bias?.shape ?? [])")
  if x.count == 0 || weight.count == 0 {
    let zeros = emptyResult(x.shape.dropLast() + [weight.shape[0]], from: x, weight)
    return bias.map { zeros + $0 } ?? zeros
  }
  let rows = x.shape.dropLast().reduce(1, *)
  let shape = LinearShape(rows: rows, inputs: weight.shape[1], outputs: weight.shape[0], hasBias: bias != nil)
  let resultShape = x.shape.dropLast() + [shape.outputs]
  return operation {
    let calibration = Pass.current.onComputeThread.calibration
    calibration?.observe(x, of: weight)
    if weight.runsQuantized, let y = untraced({ quantizedLinear(x, shape, weight: weight, bias: bias) }) {
      let result = Tensor(y.reshaped(to: Array(resultShape)), shape: Array(resultShape))
      return recorded(result, as: .init("linear"), from: x, weight, bias) { _, _ in }
    }
    var shape = shape
    shape.precision = Compute.precision
    let isTraining = x.isTracked || weight.isTracked || (bias?.isTracked ?? false)
    let y = Buffer(.plain([rows, shape.outputs]))
    let plan = shape.forward(training: isTraining, relu: false)
    plan.forward(
      source: shape.operand(x.plainBuffer, width: shape.inputs, as: plan.source),
      weights: weight.prepared(for: plan.weights),
      bias: bias?.plainBuffer, into: y)
    let result = Tensor(y.reshaped(to: Array(resultShape)), shape: Array(resultShape))
    return recorded(result, as: .init("linear"), from: x, weight, bias) { [shape] dy, cotangents in
      let gradient = dy.plainBuffer
      if cotangents.wants(x) {
        let plan = shape.backwardData()
        let dx = plan.backwardData(
          gradient: shape.operand(gradient, width: shape.outputs, as: plan.destination),
          weights: weight.prepared(for: plan.weights))
        cotangents.add(Tensor(dx.reshaped(to: x.shape), shape: x.shape), to: x)
      }
      if cotangents.wants(weight) || bias.map(cotangents.wants) ?? false {
        let (dw, db) = shape.weightGradients(source: x.plainBuffer, gradient: gradient)
        cotangents.add(Tensor(dw, shape: weight.shape), to: weight)
        if let bias, let db { cotangents.add(Tensor(db, shape: bias.shape), to: bias) }
      }
    }
  }
}

extension Tensor {
  /// The weights of a linear map in the layout that a plan wants, kept for as long as the weights stay.
  fileprivate func prepared(for layout: Layout) -> Buffer {
    let present = plainBuffer
    if layout.isPlain || present.layout == layout { return present }
    let key = Preparation(layout: layout, folded: [])
    if let found = content.onComputeThread.prepared[key] { return found.weights }
    let weights = present.reordered(to: layout)
    content.onComputeThread.prepared[key] = Prepared(weights: weights, bias: nil, keptAlive: [])
    return weights
  }
}
