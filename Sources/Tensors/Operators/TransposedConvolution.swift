import AviaryDiagnostics
import AviaryKernels

/// Transposed convolution of [N, I, …] by [I, O / groups, …] → [N, O, …], over one to three spatial axes: the pullback
/// of the convolution with the same weight, as a map of its own (PyTorch's `conv_transpose1d` to `3d`).
///
/// The result has (size − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1 positions along an axis.
///
/// - Parameters:
///   - bias: [O], added to every position.
///   - stride, padding, dilation: of the convolution, one number for each spatial axis.
///   - outputPadding: extra positions at the end of the result, since several sizes are convolved to the same one. Less than
///     the stride or the dilation.
///   - groups: the number of groups that input and output channels are split into.
public func transposedConvolution(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int], padding: [Int], outputPadding: [Int],
  dilation: [Int], groups: Int = 1
) -> Tensor {
  let axes = x.rank - 2
  ensure(
    (1...3).contains(axes) && weight.rank == x.rank
      && [stride, padding, outputPadding, dilation].allSatisfy { $0.count == axes } && groups >= 1
      && x.shape[1] == weight.shape[0] && weight.shape[0] % groups == 0
      && (bias.map { $0.shape == [weight.shape[1] * groups] } ?? true),
    """
    transposedConvolution: input \(x.shape) does not go with weight \(weight.shape), bias \(bias?.shape ?? []), \
    groups \(groups)
    """)
  ensure(
    (0..<axes).allSatisfy {
      stride[$0] > 0 && dilation[$0] > 0 && padding[$0] >= 0 && outputPadding[$0] >= 0
        && outputPadding[$0] < max(stride[$0], dilation[$0])
    },
    """
    transposedConvolution: no window slides with stride \(stride), padding \(padding), output padding \
    \(outputPadding), dilation \(dilation)
    """)
  ensure(
    !x.shape.dropFirst().contains(0) && weight.count > 0,
    "transposedConvolution: input \(x.shape) or weight \(weight.shape) is empty")
  let kernel = Array(weight.shape.dropFirst(2))
  // What no stride reaches: the convolution has less padding there, and where there is none to spare the result gets
  // positions that no window covers.
  let beyond = (0..<axes).map { outputPadding[$0] < stride[$0] ? 0 : outputPadding[$0] }
  let uncovered = (0..<axes).map { max(0, beyond[$0] - padding[$0]) }
  let window = Window(
    kernel: kernel, stride: stride, dilation: dilation, paddingLow: padding,
    paddingHigh: (0..<axes).map { max(0, padding[$0] - beyond[$0]) })
  let sizes = (0..<axes).map { axis -> Int in
    let reach = dilation[axis] * (kernel[axis] - 1) + 1
    let whole = (x.shape[axis + 2] - 1) * stride[axis] + reach + outputPadding[axis]
    return whole - 2 * padding[axis] - uncovered[axis]
  }
  ensure(
    sizes.allSatisfy { $0 > 0 },
    "transposedConvolution: nothing is left of input \(x.shape) by weight \(weight.shape) with padding \(padding)")
  let shape = ConvolutionShape(
    input: [x.shape[0], weight.shape[1] * groups] + sizes, weights: weight.shape, window: window, groups: groups,
    hasBias: false)
  func description() -> OperationDescription {
    .init(
      "transposedConvolution",
      [
        "kernel": .integers(kernel), "stride": .integers(stride), "padding": .integers(padding),
        "outputPadding": .integers(outputPadding), "dilation": .integers(dilation), "groups": .integer(groups),
      ])
  }
  return composed(description(), from: [x, weight, bias]) {
    var y = x.count == 0 ? emptyResult(shape.input, from: x, weight) : shape.transposed(x, weight: weight)
    for axis in 0..<axes where uncovered[axis] > 0 {
      var rest = y.shape
      rest[axis + 2] = uncovered[axis]
      y = concatenated([y, Tensor(zeros: rest)], axis: axis + 2)
    }
    return bias.map { y + $0.reshaped(to: [-1] + Array(repeating: 1, count: axes)) } ?? y
  }
}

extension ConvolutionShape {
  /// The convolution's pullback of `x` to its input, and the pullbacks of that, which are the convolution and the
  /// gradient of its weight.
  fileprivate func transposed(_ x: Tensor, weight: Tensor) -> Tensor {
    operation {
      let shape = inCurrentPrecision
      let plan = shape.backwardData(source: .plain(input))
      let y = plan.backwardData(
        gradient: x.buffer.reordered(to: plan.destination), weights: weight.prepared(for: plan.weights, shape: self))
      return recorded(
        Tensor(y, shape: input), as: .init("transposedConvolution", .window(window, groups: groups)), from: x, weight
      ) { dy, cotangents in
        let gradient = dy.buffer
        if cotangents.wants(x) {
          let plan = shape.forward(source: gradient.layout, pass: .training, relu: false, add: false)
          let dx = Buffer(plan.destination)
          plan.forward(
            source: gradient.reordered(to: plan.source), weights: weight.prepared(for: plan.weights, shape: self),
            bias: nil, into: dx)
          cotangents.add(Tensor(dx, shape: x.shape), to: x)
        }
        if cotangents.wants(weight) {
          let plan = shape.backwardWeights(source: gradient.layout)
          let (dw, _) = plan.backwardWeights(
            source: gradient.reordered(to: plan.source), gradient: x.buffer.reordered(to: plan.destination), bias: nil)
          let plain = groups == 1 ? dw : ungrouped(dw.reordered(to: plainWeights))
          cotangents.add(Tensor(plain, shape: weight.shape), to: weight)
        }
      }
    }
  }
}
