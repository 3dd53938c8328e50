import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// Recurrent layers, tables of vectors, sparse products, dropout and orders with numbers that are not finite, against PyTorch.
@Suite struct NonfiniteLayerTests {
  private static let recurrent = Result {
    try JSONDecoder().decode(
      [String: [String: [String: String]]].self,
      from: Data(contentsOf: Goldens.url("nonfinite-recurrent.json", of: "TensorsTests")))
  }

  /// A NaN in each operand in turn, and in the upstream gradient.
  @Test(arguments: [RecurrentKind.lstm, .gru, .rnnTanh]) func recurrentLayersSpreadNaNAsPyTorchs(kind: RecurrentKind)
    throws
  {
    let name = kind == .rnnTanh ? "rnn_tanh" : kind == .gru ? "gru" : "lstm"
    let variants = try #require(try Self.recurrent.get()[name])
    let one = RecurrentTests.Case(kind: kind)
    #expect(variants.count == one.operands.count + 1)
    let results = one.result(one.operands).count
    for (variant, expected) in variants {
      let words = variant.split(separator: " ").map(String.init)
      let place = try #require(Int(words[1]))
      func replaced(_ x: Tensor) -> Tensor {
        var scalars = x.scalars
        scalars[place] = .nan
        return Tensor(scalars, shape: x.shape)
      }
      var operands = one.operands
      if let operand = operands[words[0]] { operands[words[0]] = replaced(operand) }
      let ones = Tensor(ones: [results])
      let (y, gradients) = differentiated(
        operands, upstream: words[0] == "dy" ? replaced(ones) : ones, road: .deferred, one.result)
      for (key, pattern) in expected {
        let found = key == "y" ? y : gradients[String(key.dropFirst(2))]
        let isNaN = NonfiniteGoldenTests.decoded(pattern).map { $0 == "n" }
        #expect(found?.scalars.map(\.isNaN) == isNaN, "\(name), NaN in \(variant): \(key)")
      }
      let again = inference { one.result(operands) }
      #expect(again.scalars.map(\.isNaN) == y.scalars.map(\.isNaN))
    }
  }

  /// What is dropped is multiplied by zero.
  @Test(arguments: [[40], [2, 16, 5, 5], [2, 8, 4, 4]]) func droppedNumbersAreMultipliedByZero(shape: [Int]) {
    for value in [Float.nan, .infinity] {
      let x = Variable(Tensor([Float](repeating: value, count: shape.reduce(1, *)), shape: shape))
      let ones = Variable(Tensor(ones: shape))
      func pass(_ x: Variable, _ factor: Float) -> (y: [Float], dx: [Float]) {
        let pass = valueWithGradients(of: [x], mode: .training, noise: Noise(seed: 1, step: 1)) {
          let y = dropout(x.tracked, rate: 0.5, path: "drop")
          return ((y * factor).sum(), y)
        }
        return (pass.auxiliary.scalars, pass.gradients[x]?.scalars ?? [])
      }
      let kept = pass(ones, 1).y
      #expect(kept.contains(0) && kept.contains(2))
      let y = pass(x, 1).y
      func wrong(_ found: [Float]) -> Int {
        zip(found, kept).count { value.isNaN || $1 == 0 ? !$0.isNaN : $0 != .infinity }
      }
      #expect(wrong(y) == 0 && y.count == kept.count)
      let dx = pass(ones, value).dx
      #expect(wrong(dx) == 0 && dx.count == kept.count)
    }
  }

  /// PyTorch 2.13: sort, topk, argmax and argmin of [1, NaN, 3, NaN, 2].
  @Test func ordersTakeNaNForTheLargest() {
    let x = Tensor([1, .nan, 3, .nan, 2], shape: [5])
    #expect(x.sorted().indices.scalars == [0, 4, 2, 1, 3])
    #expect(x.sorted(descending: true).indices.scalars == [1, 3, 2, 4, 0])
    #expect(x.top(3).indices.scalars == [1, 3, 2])
    #expect(x.top(3, largest: false).indices.scalars == [0, 4, 2])
    #expect(x.argmax(axis: 0).scalars == [1] && x.argmin(axis: nil).scalars == [1])
    #expect(Tensor([Float.nan, .nan], shape: [2]).argsort().scalars == [0, 1])
  }

  /// A row of a table counts where it is looked up, and a column of zeros that no matrix stores nowhere, as in PyTorch.
  @Test func whatIsNotLookedAtDoesNotCount() throws {
    let table = Variable(Tensor([1, 2, .nan, 4, 5, 6], shape: [3, 2]))
    let pass = valueWithGradients(of: [table], mode: .training, noise: nil) {
      let y = embedding(IntTensor([0, 2, 2], shape: [3]), weight: table.tracked)
      return ((y * Tensor([1, .nan, 1, 1, 1, 1], shape: [3, 2])).sum(), y)
    }
    #expect(pass.auxiliary.scalars == [1, 2, 5, 6, 5, 6])
    #expect(pass.gradients[table]?.scalars.map(\.isNaN) == [false, true, false, false, false, false])
    let matrix = SparseMatrix(Tensor([1, 0, 2, 0, 0, 3, 0, 0], shape: [2, 4]))
    let dense = Tensor([1, 1, 1, 1, 1, .nan, .nan, 1], shape: [4, 2])
    let product = matmul(matrix, dense).scalars
    #expect(product.map(\.isNaN) == [false, true, false, false])
    #expect(product[0] == 3 && product[2] == 3)
  }
}
