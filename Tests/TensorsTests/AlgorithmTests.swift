import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import Testing

/// Whichever algorithm the rule chooses, the numbers are the definition's.
@Suite struct AlgorithmTests {
  /// x·Wᵀ + b in double precision.
  private static func product(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> [Double] {
    let (rows, inputs, outputs) = (x.shape[0], x.shape[1], weight.shape[0])
    let (x, weight, bias) = (x.scalars, weight.scalars, bias?.scalars)
    return (0..<rows * outputs).map { index in
      let (row, output) = (index / outputs, index % outputs)
      return (0..<inputs).reduce(Double(bias?[output] ?? 0)) {
        $0 + Double(x[row * inputs + $1]) * Double(weight[output * inputs + $1])
      }
    }
  }

  /// From 16 rows on a linear map is a product of matrices, below an inner product.
  @Test(arguments: [1, 2, 15, 16, 17, 64], [(1, 1), (7, 5), (33, 70)])
  func linearMapsOfAnyNumberOfRows(rows: Int, size: (inputs: Int, outputs: Int)) {
    let (x, weight) = (numbers([rows, size.inputs], 1), numbers([size.outputs, size.inputs], 2))
    for bias in [nil, numbers([size.outputs], 3)] {
      let y = linear(x, weight: weight, bias: bias)
      expectClose(actual: y.scalars, expected: Self.product(x, weight, bias), absolute: 1e-6)
      let variable = Variable(weight)
      let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) {
        let y = linear(x, weight: variable.tracked, bias: bias)
        return (y.sum(), y)
      }
      #expect(pass.auxiliary.scalars == y.scalars)
    }
  }

  /// The gradient of the weights of rows a power of two apart is a product of matrices: that of a thousand rows at once is what those
  /// of their parts are together.
  @Test(arguments: [1024, 512]) func gradientsOfWeightsOfWideRows(outputs: Int) {
    let (x, upstream) = (numbers([1024, 128], 1), numbers([1024, outputs], 2))
    let operands = ["weight": numbers([outputs, 128], 3), "bias": numbers([outputs], 4)]
    func gradients(_ rows: Range<Int>) -> [String: Tensor] {
      func part(_ x: Tensor) -> Tensor { x.slice(axis: 0, from: rows.lowerBound, to: rows.upperBound) }
      return differentiated(operands, upstream: part(upstream)) {
        linear(part(x), weight: $0["weight"]!, bias: $0["bias"])
      }.gradients
    }
    let parts = [0..<100, 100..<600, 600..<1024].map(gradients)
    for (name, whole) in gradients(0..<1024) {
      let sum = parts.dropFirst().reduce(parts[0][name]!) { $0 + $1[name]! }
      expectClose(actual: whole.scalars, expected: sum.scalars.map(Double.init), name: name)
    }
  }

  /// The same of a recurrent layer, in both orders: 32 steps of 32 sequences, 1,024 rows of 1,024 gates.
  @Test(arguments: [false, true]) func gradientsOfWideGates(reversed: Bool) {
    let x = numbers([32, 32, 128], 1)
    let operands = [
      "weight_ih": numbers([1024, 128], 2) * 0.1, "weight_hh": numbers([1024, 256], 3) * 0.1,
      "bias_ih": numbers([1024], 4), "bias_hh": numbers([1024], 5),
    ]
    func gradients(_ sequences: Range<Int>) -> [String: Tensor] {
      differentiated(operands) {
        let weights = RecurrentWeights(
          input: $0["weight_ih"]!, recurrent: $0["weight_hh"]!, inputBias: $0["bias_ih"], recurrentBias: $0["bias_hh"])
        let part = x.slice(axis: 1, from: sequences.lowerBound, to: sequences.upperBound)
        return recurrent(part, kind: .lstm, weights: weights, reversed: reversed).y
      }.gradients
    }
    let parts = [0..<5, 5..<20, 20..<32].map(gradients)
    for (name, whole) in gradients(0..<32) {
      let sum = parts.dropFirst().reduce(parts[0][name]!) { $0 + $1[name]! }
      expectClose(actual: whole.scalars, expected: sum.scalars.map(Double.init), name: name)
    }
  }

  /// In inference wide convolutions with a stride have channels last, and Winograd's after them blocks; in training all
  /// have blocks.
  @Test(arguments: [1, 2, 8]) func stridesAndWinogradInTurn(batch: Int) {
    let x = numbers([batch, 16, 23, 24], 1)
    let weights = [
      numbers([256, 16, 3, 3], 2), numbers([64, 256, 3, 3], 3) * 0.1, numbers([64, 256, 1, 1], 4) * 0.1,
    ]
    func network(_ weights: [Tensor]) -> Tensor {
      let y = relu(convolution(x, weight: weights[0], stride: [2, 2], padding: [1, 1], dilation: [1, 1]))
      return relu(same(y, weights[1]) + same(y, weights[2]))
    }
    let variables = weights.map { Variable($0) }
    let trained: [Double] = valueWithGradients(of: variables, mode: .training, noise: nil) {
      let y = network(variables.map(\.tracked))
      return (y.sum(), y)
    }.auxiliary.scalars.map { Double($0) }
    for weightsStay in [false, true] {
      let y = inference(weightsStay: weightsStay) { network(weights) }
      expectClose(actual: y.scalars, expected: trained, name: "batch \(batch), weights stay: \(weightsStay)")
    }
  }

  /// A large result that goes into a pooling alone is made and pooled a few images at a time.
  @Test(arguments: [(3, 64, 2), (16, 16, 1), (16, 64, 1)], [8, 11])
  func convolutionsPooledInParts(geometry: (inputs: Int, outputs: Int, stride: Int), batch: Int) {
    let size = 96 * geometry.stride
    let x = numbers([batch, geometry.inputs, size, size], 1)
    let weight = numbers([geometry.outputs, geometry.inputs, 3, 3], 2)
    let bias = numbers([geometry.outputs], 3)
    func convolved() -> Tensor {
      let stride = [geometry.stride, geometry.stride]
      return relu(convolution(x, weight: weight, bias: bias, stride: stride, padding: [1, 1], dilation: [1, 1]))
    }
    // What is handed over is held by nobody else.
    let pools: [(consuming Tensor) -> Tensor] = [
      { (x: consuming Tensor) in maxPool(x, kernel: [3, 3], stride: [2, 2], padding: [1, 1]) },
      { (x: consuming Tensor) in averagePool(x, kernel: [2, 2]) },
    ]
    let window = Window(
      kernel: [3, 3], stride: [geometry.stride, geometry.stride], dilation: [1, 1], paddingLow: [1, 1],
      paddingHigh: [1, 1])
    let shape = ConvolutionShape(input: x.shape, weights: weight.shape, window: window, groups: 1, hasBias: true)
    let halves = Window(kernel: [2, 2], stride: [2, 2], dilation: [1, 1], paddingLow: [0, 0], paddingHigh: [0, 0])
    let pooling = Pooling(
      kind: .max, input: shape.output, output: [batch, geometry.outputs, 48, 48], window: halves)
    let inParts = Compute.alone {
      PooledConvolution(shape, pooling, source: .plain(x.shape), pass: .inference, relu: true) != nil
    }
    if geometry.outputs != 64 { #expect(!inParts, "caches hold what is smaller") }
    // Versions of oneDNN lay few images of 16 channels out as many of them, or not; few of 3 channels always.
    if geometry.outputs == 64, geometry.inputs == 3 { #expect(inParts) }
    let name = "pooled in parts \(geometry) \(batch)"
    for weightsStay in [false, true] {
      // Whoever holds the result has it as a whole.
      let whole = inference(weightsStay: weightsStay) { convolved() }
      for pool in pools {
        let expected = inference { pool(whole) }.scalars.map { Double($0) }
        var found: [Float] = []
        let recording = Profile.recording {
          found = profiled(name) { inference(weightsStay: weightsStay) { pool(convolved()) } }.scalars
        }
        expectClose(actual: found, expected: expected)
        let convolutions = recording.events.filter { $0.path == name && $0.operation == "convolution" }
        #expect(inParts ? convolutions.count > 1 : convolutions.count == 1, "\(convolutions.count) convolutions")
      }
      #expect(whole.scalars.count == batch * geometry.outputs * 96 * 96 && whole.scalars.allSatisfy { $0 >= 0 })
    }
  }
}
