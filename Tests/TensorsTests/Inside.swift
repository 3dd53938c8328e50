import AviaryTestSupport

@testable import AviaryKernels
@testable import AviaryTensors

/// Whether the elements lie in row-major order, computed if they have not been.
func isRowMajor(_ x: Tensor) -> Bool {
  Compute.alone { x.buffer.layout.isPlain }
}

/// The same channels of images in blocks of 16, which convolutions put out.
func inBlocks(_ x: Tensor) -> Tensor {
  Compute.alone { Tensor(x.buffer.reordered(to: .blocked(x.shape, channels: 16)), shape: x.shape) }
}

/// Whether the elements have not been computed.
func isDeferred(_ x: Tensor) -> Bool {
  Compute.alone { x.deferred != nil }
}

/// The memory that holds the elements, computed if they have not been.
func memory(of x: Tensor) -> Storage {
  Compute.alone { x.buffer.storage }
}

/// How many forms of the elements are kept for primitives.
func preparations(of x: Tensor) -> Int {
  Compute.alone { x.content.onComputeThread.prepared.count }
}

/// Numbers in −1..<1.
func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
  var numbers = TestNumbers(seed: seed)
  return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
}

/// Numbers in 0.5..<1.5.
func positiveNumbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
  numbers(shape, seed) * 0.5 + 1
}

/// A convolution of images that keeps their size.
func same(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
  let padding = weight.shape[2] / 2
  return convolution(
    x, weight: weight, bias: bias, stride: [1, 1], padding: [padding, padding], dilation: [1, 1])
}

extension Variable {
  /// What an optimizer does: changes every element in place, if nobody else holds them.
  func moveInPlace() {
    updateBySGD(
      gradient: Tensor(ones: value.shape), momentum: nil, learningRate: 0.5, weightDecay: 0, factor: 0,
      nesterov: false)
  }
}

/// Whether a tensor that `make` returns lives on after what uses it has been computed: in a tape, that is.
func isKept(_ make: () -> Tensor, by use: (Tensor) -> Tensor) -> Bool {
  weak var content: Confined<TensorContent>?
  let result = { () -> Tensor in
    let x = make()
    content = x.content
    return use(x)
  }()
  _ = result.sumOfSquares
  return withExtendedLifetime(result) { content != nil }
}
