import AviaryTestSupport
import CKernels
import Testing

/// Winograd's convolution against the definition in double precision.
@Suite struct WinogradTests {
  /// Blocks of channels that some kernels of this processor are for, and whether they are the plain ones.
  static let kernels: [(block: Int, plain: Bool)] = [(8, true), (8, false), (16, false)].filter {
    $0.plain || ak_winograd_is_fast(Int64($0.block))
  }

  /// A convolution of random numbers.
  struct Case: Sendable, CustomStringConvertible {
    var batch = 1, inputs = 16, outputs = 16
    var size = [4, 4]
    /// Above, on the left, below and on the right.
    var padding = [1, 1, 1, 1]

    var result: [Int] { [size[0] + padding[0] + padding[2] - 2, size[1] + padding[1] + padding[3] - 2] }
    var description: String { "\(batch)×\(inputs)×\(size) → \(outputs), padding \(padding)" }

    func shape(_ kernels: (block: Int, plain: Bool)) -> ak_winograd {
      ak_winograd(
        batch: Int64(batch), inputs: Int64(inputs), outputs: Int64(outputs), height: Int64(size[0]),
        width: Int64(size[1]), result_height: Int64(result[0]), result_width: Int64(result[1]), top: Int64(padding[0]),
        left: Int64(padding[1]), block: Int64(kernels.block), plain: kernels.plain)
    }

    /// The same that leads from the result's gradient to the input's.
    func back(_ kernels: (block: Int, plain: Bool)) -> ak_winograd {
      ak_winograd(
        batch: Int64(batch), inputs: Int64(outputs), outputs: Int64(inputs), height: Int64(result[0]),
        width: Int64(result[1]), result_height: Int64(size[0]), result_width: Int64(size[1]),
        top: Int64(2 - padding[0]),
        left: Int64(2 - padding[1]), block: Int64(kernels.block), plain: kernels.plain)
    }

    /// Row-major places of input, weight and result of all products.
    func eachProduct(_ body: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
      for n in 0..<batch {
        for o in 0..<outputs {
          for i in 0..<result[0] {
            for j in 0..<result[1] {
              for c in 0..<inputs {
                for (p, q) in (0..<9).map({ ($0 / 3, $0 % 3) }) {
                  let (row, column) = (i + p - padding[0], j + q - padding[1])
                  guard (0..<size[0]).contains(row), (0..<size[1]).contains(column) else { continue }
                  body(
                    ((n * inputs + c) * size[0] + row) * size[1] + column, ((o * inputs + c) * 3 + p) * 3 + q,
                    ((n * outputs + o) * result[0] + i) * result[1] + j)
                }
              }
            }
          }
        }
      }
    }
  }

  static let cases = [
    Case(), Case(size: [1, 1]), Case(batch: 3, inputs: 32, size: [3, 5]),
    Case(batch: 2, outputs: 48, size: [7, 7], padding: [0, 0, 0, 0]),
    Case(batch: 2, inputs: 48, outputs: 32, size: [6, 9], padding: [0, 1, 1, 0]),
    Case(size: [5, 8], padding: [2, 2, 2, 2]), Case(inputs: 32, outputs: 80, size: [9, 4], padding: [1, 0, 2, 1]),
    // As many tiles as threads do not share.
    Case(batch: 3, size: [16, 15]), Case(batch: 5, inputs: 16, outputs: 48, size: [13, 14]),
  ]

  private static func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
    var numbers = TestNumbers(seed: seed)
    return numbers.floats(count)
  }

  /// [N, C, …] to [N, C / block, …, block], or back.
  private static func images(_ x: [Float], _ channels: Int, _ block: Int, back: Bool = false, size: [Int]) -> [Float] {
    let plane = size[0] * size[1]
    var y = x
    for n in 0..<x.count / (channels * plane) {
      for c in 0..<channels {
        for i in 0..<plane {
          let plain = (n * channels + c) * plane + i
          let blocked = ((n * (channels / block) + c / block) * plane + i) * block + c % block
          if back { y[plain] = x[blocked] } else { y[blocked] = x[plain] }
        }
      }
    }
    return y
  }

  /// [O, C, 3, 3] to [O / block, C / block, 3, 3, block inputs, block outputs], or back.
  private static func weights(_ w: [Float], _ of: Case, _ block: Int, back: Bool = false) -> [Float] {
    var y = w
    for o in 0..<of.outputs {
      for c in 0..<of.inputs {
        for i in 0..<9 {
          let plain = (o * of.inputs + c) * 9 + i
          let place = ((o / block * (of.inputs / block) + c / block) * 9 + i) * block + c % block
          let blocked = place * block + o % block
          if back { y[plain] = w[blocked] } else { y[blocked] = w[plain] }
        }
      }
    }
    return y
  }

  private static func forward(
    _ shape: ak_winograd, _ x: [Float], _ weights: [Float], _ kind: ak_winograd_weights = AK_WINOGRAD_PLAIN,
    bias: [Float]? = nil, relu: Bool = false, addTo addend: [Float]? = nil
  ) -> [Float] {
    var shape = shape
    var scratch = [Float](repeating: .nan, count: ak_winograd_forward_floats(&shape, kind))
    let count = shape.batch * shape.outputs * shape.result_height * shape.result_width
    var y = addend ?? [Float](repeating: .nan, count: Int(count))
    if let bias {
      ak_winograd_forward(&shape, x, weights, kind, bias, addend != nil, relu, &y, &scratch)
    } else {
      ak_winograd_forward(&shape, x, weights, kind, nil, addend != nil, relu, &y, &scratch)
    }
    return y
  }

  private static func transformed(_ shape: ak_winograd, _ weights: [Float]) -> [Float] {
    var shape = shape
    var result = [Float](repeating: .nan, count: ak_winograd_weight_floats(&shape))
    ak_winograd_transform(&shape, weights, &result)
    return result
  }

  private static func weightGradients(_ shape: ak_winograd, _ x: [Float], _ dy: [Float]) -> (dw: [Float], db: [Float]) {
    var shape = shape
    var scratch = [Float](repeating: .nan, count: ak_winograd_backward_weights_floats(&shape))
    var dw = [Float](repeating: .nan, count: Int(shape.inputs * shape.outputs * 9))
    var db = [Float](repeating: .nan, count: Int(shape.outputs))
    ak_winograd_backward_weights(&shape, x, dy, &dw, &db, &scratch)
    return (dw, db)
  }

  @Test(arguments: cases) func equalsTheDefinition(_ of: Case) {
    let x = Self.numbers(of.batch * of.inputs * of.size[0] * of.size[1], 1)
    let w = Self.numbers(of.outputs * of.inputs * 9, 2)
    let dy = Self.numbers(of.batch * of.outputs * of.result[0] * of.result[1], 3)
    let bias = Self.numbers(of.outputs, 4)
    let addend = Self.numbers(dy.count, 5)
    var (bare, dx, dw) = ([Double](repeating: 0, count: dy.count), x.map { _ in 0.0 }, w.map { _ in 0.0 })
    of.eachProduct { i, j, k in
      bare[k] += Double(x[i]) * Double(w[j])
      dx[i] += Double(dy[k]) * Double(w[j])
      dw[j] += Double(dy[k]) * Double(x[i])
    }
    let plane = of.result[0] * of.result[1]
    let full = bare.indices.map { max(0, bare[$0] + Double(bias[$0 / plane % of.outputs]) + Double(addend[$0])) }
    let sums = (0..<of.outputs).map { o in
      dy.indices.reduce(0.0) { $0 + ($1 / plane % of.outputs == o ? Double(dy[$1]) : 0) }
    }
    for kernels in Self.kernels {
      let block = kernels.block
      let (bx, bdy) = (
        Self.images(x, of.inputs, block, size: of.size), Self.images(dy, of.outputs, block, size: of.result)
      )
      let bw = Self.weights(w, of, block)
      let name = "\(of), \(kernels)"
      var y = Self.forward(of.shape(kernels), bx, bw)
      expectClose(
        actual: Self.images(y, of.outputs, block, back: true, size: of.result), expected: bare, absolute: 1e-6,
        name: name)
      y = Self.forward(
        of.shape(kernels), bx, Self.transformed(of.shape(kernels), bw), AK_WINOGRAD_TRANSFORMED, bias: bias, relu: true,
        addTo: Self.images(addend, of.outputs, block, size: of.result))
      expectClose(
        actual: Self.images(y, of.outputs, block, back: true, size: of.result), expected: full, absolute: 1e-6,
        name: "relu, \(name)")
      let gradient = Self.forward(of.back(kernels), bdy, bw, AK_WINOGRAD_TURNED)
      expectClose(
        actual: Self.images(gradient, of.inputs, block, back: true, size: of.size), expected: dx, absolute: 1e-6,
        name: "gradient of input, \(name)")
      let found = Self.weightGradients(of.shape(kernels), bx, bdy)
      expectClose(
        actual: Self.weights(found.dw, of, block, back: true), expected: dw, absolute: 1e-6,
        name: "gradient of weights, \(name)")
      expectClose(actual: found.db, expected: sums, absolute: 1e-6, name: "gradient of bias, \(name)")
    }
  }

  /// The forward pass to the last bit, since each result is summed in one order.
  @Test(arguments: [Case(batch: 3, inputs: 32, outputs: 48, size: [23, 18]), Case(inputs: 48, size: [6, 7])])
  func isTheSameForAnyNumberOfThreads(_ of: Case) {
    let before = ak_threads()
    defer { ak_set_threads(before) }
    for kernels in Self.kernels {
      let x = Self.numbers(of.batch * of.inputs * of.size[0] * of.size[1], 1)
      let w = Self.numbers(of.outputs * of.inputs * 9, 2)
      let dy = Self.numbers(of.batch * of.outputs * of.result[0] * of.result[1], 3)
      var results: [[Float]] = []
      for threads in [1, 2, 3, 5] {
        ak_set_threads(Int32(threads))
        let shape = of.shape(kernels)
        results.append(Self.forward(shape, x, w))
        results.append(Self.forward(shape, x, Self.transformed(shape, w), AK_WINOGRAD_TRANSFORMED))
        let gradients = Self.weightGradients(shape, x, dy)
        #expect(gradients == Self.weightGradients(shape, x, dy), "\(kernels), \(threads) threads")
      }
      #expect(results.allSatisfy { $0 == results[0] && $0.allSatisfy(\.isFinite) }, "\(kernels)")
    }
  }

  /// More tiles than are transformed at once: as if each image were alone.
  @Test func manyTilesOfManyChannels() {
    let of = Case(batch: 3, inputs: 1024, size: [59, 60])
    var single = of
    single.batch = 1
    let kernels = Self.kernels.last!
    let image = 1024 * 59 * 60
    let result = 16 * 59 * 60
    let x = Self.numbers(image, 1)
    let dy = Self.numbers(result, 2)
    let all = [x, x.map { -$0 }, x.reversed()]
    let gradients = [dy, dy.reversed(), dy.map { 2 * $0 }]
    let w = Self.numbers(16 * 1024 * 9, 3)
    let y = Self.forward(of.shape(kernels), Array(all.joined()), w)
    let together = Self.weightGradients(of.shape(kernels), Array(all.joined()), Array(gradients.joined()))
    var sums = together.dw.map { _ in 0.0 }
    var biases = together.db.map { _ in 0.0 }
    for n in 0..<3 {
      let alone = Self.forward(single.shape(kernels), Array(all[n]), w)
      #expect(Array(y[n * result..<(n + 1) * result]) == alone, "image \(n)")
      let own = Self.weightGradients(single.shape(kernels), Array(all[n]), Array(gradients[n]))
      for i in sums.indices { sums[i] += Double(own.dw[i]) }
      for i in biases.indices { biases[i] += Double(own.db[i]) }
    }
    expectClose(actual: together.dw, expected: sums)
    expectClose(actual: together.db, expected: biases)
  }

  /// NaN and infinities are where plain sums have them, before and after a relu, and nothing else changes.
  @Test(
    arguments: [Float.nan, .infinity, -.infinity],
    [
      Case(batch: 5, outputs: 48, size: [13, 14]), Case(inputs: 32, outputs: 80, size: [9, 6], padding: [1, 0, 2, 1]),
    ])
  func whatIsNotFiniteIsWhereTheDefinitionHasIt(value: Float, of: Case) {
    var x = Self.numbers(of.batch * of.inputs * of.size[0] * of.size[1], 1)
    let w = Self.numbers(of.outputs * of.inputs * 9, 2)
    var dy = Self.numbers(of.batch * of.outputs * of.result[0] * of.result[1], 3)
    // In a corner, where some products lie outside, and within.
    let plane = of.size[0] * of.size[1]
    for place in [0, 3 * plane + 2 * of.size[1] + 4] { x[place] = value }
    for place in [of.result[1] - 1, dy.count / 2] { dy[place] = value }
    let addend = Self.numbers(dy.count, 5)
    var (y, dx, dw) = (addend.map(Double.init), x.map { _ in 0.0 }, w.map { _ in 0.0 })
    of.eachProduct { i, j, k in
      y[k] += Double(x[i]) * Double(w[j])
      dx[i] += Double(dy[k]) * Double(w[j])
      dw[j] += Double(dy[k]) * Double(x[i])
    }
    let full = y.map { $0 < 0 ? 0 : $0 }
    #expect([y, dx, dw].allSatisfy { $0.contains { !$0.isFinite } && $0.contains { $0.isFinite } })
    for kernels in Self.kernels {
      let block = kernels.block
      let bx = Self.images(x, of.inputs, block, size: of.size)
      let bdy = Self.images(dy, of.outputs, block, size: of.result)
      let bw = Self.weights(w, of, block)
      func expect(_ found: [Float], _ expected: [Double], _ name: String) {
        let odd = zip(found, expected).enumerated().filter { _, pair in
          let (found, expected) = (Double(pair.0), pair.1)
          if expected.isFinite { return !(abs(found - expected) <= 1e-4) }
          return expected.isNaN ? !found.isNaN : found != expected
        }
        #expect(odd.isEmpty, "\(name), \(kernels): \(odd.prefix(3))")
      }
      let first = Self.images(addend, of.outputs, block, size: of.result)
      for (kind, weights) in [
        (AK_WINOGRAD_PLAIN, bw), (AK_WINOGRAD_TRANSFORMED, Self.transformed(of.shape(kernels), bw)),
      ] {
        for (isRectified, expected) in [(false, y), (true, full)] {
          let found = Self.forward(of.shape(kernels), bx, weights, kind, relu: isRectified, addTo: first)
          expect(Self.images(found, of.outputs, block, back: true, size: of.result), expected, "forward")
        }
      }
      let gradient = Self.forward(of.back(kernels), bdy, bw, AK_WINOGRAD_TURNED)
      expect(Self.images(gradient, of.inputs, block, back: true, size: of.size), dx, "gradient of input")
      expect(
        Self.weights(Self.weightGradients(of.shape(kernels), bx, bdy).dw, of, block, back: true), dw,
        "gradient of weights")
    }
  }
}
