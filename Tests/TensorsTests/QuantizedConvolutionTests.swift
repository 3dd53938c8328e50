import AviaryKernels
import Testing

@testable import AviaryTensors

/// Convolutions of integers against the same sums made one by one, without rounding.
@Suite struct QuantizedConvolutionTests {
  /// A convolution whose input and weights are integers already, so that a result is known but for its last rounding.
  struct Case: CustomStringConvertible, Sendable {
    var batch = 2
    var channels = 16
    var size = 9
    var filters = 32
    var kernel = 3
    var stride = 1
    var padding = 1
    var groups = 1
    var isSigned = false
    var relu = true
    var normalizes = false
    var adds = Addend.nothing

    enum Addend: Sendable { case nothing, floats, unsigned, waiting }

    var description: String {
      "\(batch)×\(channels)×\(size) → \(filters), \(kernel)/\(stride)+\(padding), groups \(groups), "
        + "\(isSigned ? "signed" : "unsigned")\(relu ? ", relu" : "")\(normalizes ? ", normalised" : ""), \(adds)"
    }

    static let all = [
      Case(), Case(batch: 1), Case(isSigned: true), Case(batch: 1, isSigned: true),
      Case(channels: 3, size: 32, filters: 64, kernel: 7, stride: 2, padding: 3, isSigned: true),
      Case(batch: 16, channels: 3, size: 64, filters: 64, kernel: 7, stride: 2, padding: 3, isSigned: true),
      Case(batch: 1, channels: 3, size: 32, filters: 64, kernel: 7, stride: 2, padding: 3, isSigned: true),
      Case(channels: 32, filters: 64, kernel: 1, padding: 0, relu: false),
      Case(channels: 64, size: 8, filters: 64, stride: 2, normalizes: true),
      Case(channels: 64, size: 8, filters: 64, kernel: 1, stride: 2, padding: 0, relu: false, normalizes: true),
      Case(channels: 32, filters: 32, groups: 2), Case(channels: 1, size: 12, filters: 6, kernel: 5, padding: 2),
      Case(normalizes: true, adds: .floats), Case(normalizes: true, adds: .unsigned),
      Case(normalizes: true, adds: .waiting), Case(channels: 5, filters: 7, isSigned: true, relu: false),
      Case(batch: 16, channels: 64, size: 16, filters: 64, normalizes: true, adds: .unsigned),
    ]
  }

  private struct Setup {
    let test: Case
    let inputForm: QuantizedForm
    let input: [Int]
    let weights: [Int8]
    let quantization: Quantization
    let bias: [Float]
    let factors: [Float]
    let added: [Float]

    static let addendScale: Float = 0.25

    init(_ test: Case) {
      var random = RandomStream(seed: 3, purpose: test.description)
      self.test = test
      inputForm = QuantizedForm(scale: 0.03, isSigned: test.isSigned)
      let count = test.batch * test.channels * test.size * test.size
      input = (0..<count).map { _ in random.integer(below: 256) - (test.isSigned ? 128 : 0) }
      let columns = test.channels / test.groups * test.kernel * test.kernel
      weights = (0..<(test.filters * columns)).map { _ in Int8(random.integer(below: 255) - 127) }
      let scales = (0..<test.filters).map { _ in Float(1 + random.integer(below: 100)) * 1e-5 }
      quantization = Quantization(scales: scales, inputScale: 0.03, inputIsSigned: test.isSigned)
      bias = (0..<test.filters).map { _ in Float(random.integer(below: 200) - 100) * 0.01 }
      // One is switched off, and some are negative, as normalisation makes them.
      factors = (0..<test.filters).map { $0 == 3 ? 0 : Float(random.integer(below: 200) - 80) * 0.01 }
      let side = (test.size + 2 * test.padding - test.kernel) / test.stride + 1
      added = (0..<(test.batch * test.filters * side * side)).map { _ in
        Float(random.integer(below: 200)) * Self.addendScale * 0.1
      }
    }

    var side: Int { (test.size + 2 * test.padding - test.kernel) / test.stride + 1 }
    var shape: [Int] { [test.batch, test.filters, side, side] }

    var weight: Tensor {
      Tensor(
        quantized: weights.span,
        shape: [test.filters, test.channels / test.groups, test.kernel, test.kernel], quantization)
    }

    var x: Tensor {
      Tensor(
        input.map { Float($0) * inputForm.scale },
        shape: [test.batch, test.channels, test.size, test.size])
    }

    /// The addend in the form that the case asks for, and what it stands for.
    func addend() -> (Tensor, [Double])? {
      switch test.adds {
      case .nothing: return nil
      case .floats: return (Tensor(added, shape: shape), added.map(Double.init))
      case .unsigned, .waiting:
        let tensor = Tensor(added, shape: shape)
        let integers = Compute.alone {
          tensor.buffer.quantized(QuantizedForm(scale: Self.addendScale, isSigned: false), shape: shape)
        }
        let result = Tensor(shape: shape, content: Confined(TensorContent(.quantized(integers))))
        return (
          result,
          added.map { min(255, ($0 / Self.addendScale).rounded(.toNearestOrEven)) }.map {
            Double($0 * Self.addendScale)
          }
        )
      }
    }

    /// The sum of products at one place. Plain loops over pointers: the tests are not optimized.
    private func sum(image: Int, filter: Int, firstChannel: Int, count: Int, _ y: Int, _ x: Int) -> Int {
      let (kernel, size) = (test.kernel, test.size)
      let top = y * test.stride - test.padding
      let left = x * test.stride - test.padding
      let (firstColumn, lastColumn) = (max(0, -left), min(kernel, size - left))
      return input.withUnsafeBufferPointer { input in
        weights.withUnsafeBufferPointer { weights in
          var sum = 0
          for c in 0..<count {
            var i = max(0, -top)
            while i < min(kernel, size - top) {
              let pixels = ((image * test.channels + firstChannel + c) * size + top + i) * size + left
              let taps = ((filter * count + c) * kernel + i) * kernel
              var j = firstColumn
              while j < lastColumn {
                sum &+= input[pixels &+ j] &* Int(weights[taps &+ j])
                j &+= 1
              }
              i &+= 1
            }
          }
          return sum
        }
      }
    }

    /// relu?(normalisation(products + bias) + addend), in double.
    func expected(adding added: [Double]?) -> [Double] {
      let inputs = test.channels / test.groups
      let outputs = test.filters / test.groups
      var result: [Double] = []
      for n in 0..<test.batch {
        for o in 0..<test.filters {
          for y in 0..<side {
            for x in 0..<side {
              let sum = sum(image: n, filter: o, firstChannel: o / outputs * inputs, count: inputs, y, x)
              var value = Double(sum) * Double(inputForm.scale) * Double(quantization.scales[o]) + Double(bias[o])
              if test.normalizes { value = value * Double(factors[o]) + 0.5 }
              if let added { value += added[result.count] }
              result.append(test.relu ? max(0, value) : value)
            }
          }
        }
      }
      return result
    }

    func result(adding addend: Tensor?) -> Tensor {
      var y = convolution(
        x, weight: weight, bias: Tensor(bias, shape: [test.filters]), stride: [test.stride, test.stride],
        padding: [test.padding, test.padding], dilation: [1, 1], groups: test.groups)
      if test.normalizes {
        let channels = [test.filters]
        y = batchNormalization(
          y, mean: Tensor(zeros: channels), variance: Tensor(ones: channels), scale: Tensor(factors, shape: channels),
          shift: Tensor(repeating: 0.5, shape: channels), epsilon: 0)
      }
      if let addend { y = y + addend }
      return test.relu ? relu(y) : y
    }
  }

  @Test(.enabled(if: Quantization.isSupported), arguments: Case.all)
  func floatsAreTheSumsOfIntegers(_ test: Case) {
    let setup = Setup(test)
    let addend = setup.addend()
    let found = setup.result(adding: addend?.0).scalars
    let expected = setup.expected(adding: addend?.1)
    let largest = expected.map(abs).max() ?? 0
    for (a, b) in zip(found, expected) where abs(Double(a) - b) > 1e-5 * largest {
      Issue.record("\(test): \(a) instead of \(b)")
      return
    }
  }

  @Test(.enabled(if: Quantization.isSupported), arguments: Case.all)
  func integersAreTheRoundedResults(_ test: Case) throws {
    let setup = Setup(test)
    let addend = setup.addend()
    let expected = setup.expected(adding: addend?.1)
    let form = QuantizedForm(scale: 0.0213, isSigned: !test.relu)
    let result = setup.result(adding: addend?.0)
    let made = Compute.alone { result.quantized(form).map { Tensor($0.dequantized(), shape: setup.shape) } }
    let found = try #require(made).scalars
    var other = 0
    for (a, b) in zip(found, expected) {
      let step = (b / Double(form.scale)).rounded(.toNearestOrEven)
      let wanted = form.isSigned ? max(-128, min(127, step)) : max(0, min(255, step))
      let distance = abs((Double(a) / Double(form.scale)).rounded() - wanted)
      if distance > 0 { other += 1 }
      if distance > 1 {
        Issue.record("\(test): \(a) instead of \(b), \(distance) steps away")
        return
      }
    }
    // Ties in floats may fall to the other side.
    #expect(Double(other) <= 0.001 * Double(found.count) + 1, "\(test): \(other) of \(found.count) are a step away")
  }
}
