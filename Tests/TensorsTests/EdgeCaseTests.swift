import AviaryTensors
import AviaryTestSupport
import Testing

/// NaN, ties, infinities and empty tensors, as PyTorch 2.13 has them.
@Suite struct EdgeCaseTests {
  let nan = Float.nan
  let infinity = Float.infinity

  func vector(_ elements: Float...) -> Tensor { Tensor(elements, shape: [elements.count]) }

  /// Elements as texts, since NaN equals nothing.
  func texts(_ x: Tensor) -> [String] { x.scalars.map { $0.isNaN ? "nan" : "\($0)" } }

  @Test func whatIsNotANumberIsTheLargestAndTheSmallest() {
    let x = vector(1, nan, 3)
    #expect(x.max().scalar.isNaN && x.min().scalar.isNaN && x.norm(infinity).scalar.isNaN && x.median().scalar.isNaN)
    #expect(x.quantile(0.5).scalar.isNaN && x.logSumExp().scalar.isNaN)
    #expect(x.argmax(axis: 0).scalar == 1 && x.argmin(axis: nil).scalar == 1)
    #expect(x.maxWithIndices(axis: 0).values.scalar.isNaN && x.minWithIndices(axis: 0).indices.scalar == 1)
  }

  @Test func whatIsNotANumberSortsAsTheLargest() {
    let x = vector(1, nan, 3, -infinity)
    let rising = x.sorted()
    #expect(texts(rising.values) == ["-inf", "1.0", "3.0", "nan"] && rising.indices.scalars == [3, 0, 2, 1])
    let falling = x.sorted(descending: true)
    #expect(texts(falling.values) == ["nan", "3.0", "1.0", "-inf"] && falling.indices.scalars == [1, 2, 0, 3])
    #expect(x.top(2).indices.scalars == [1, 2])
    let unique = vector(nan, nan, 1, 1).unique()
    #expect(texts(unique.values) == ["1.0", "nan", "nan"] && unique.counts.scalars == [2, 1, 1])
    #expect(unique.inverse.scalars == [1, 2, 0, 0])
  }

  @Test func theFirstOfEqualElements() {
    let x = vector(1, 3, 3, 1)
    #expect(x.argmax(axis: 0).scalar == 1 && x.argmin(axis: -1).scalar == 0)
    #expect(x.argsort().scalars == [0, 3, 1, 2] && x.argsort(descending: true).scalars == [1, 2, 0, 3])
    #expect(x.top(3, largest: false).indices.scalars == [0, 3, 1])
    let (_, gradients) = differentiated(["x": x]) { $0["x"]!.maxWithIndices(axis: 0).values }
    #expect(gradients["x"]!.scalars == [0, 1, 0, 0])
    let (_, shared) = differentiated(["x": x]) { $0["x"]!.max() }
    #expect(shared["x"]!.scalars == [0, 0.5, 0.5, 0])
  }

  @Test func slopesWhereThereAreNone() {
    func slope(_ x: Tensor, _ function: (Tensor) -> Tensor) -> [Float] {
      differentiated(["x": x]) { function($0["x"]!) }.gradients["x"]!.scalars
    }
    for p: Float in [0, 0.5, 1, 2, 3] { #expect(slope(Tensor(zeros: [3])) { $0.norm(p) } == [0, 0, 0]) }
    #expect(slope(vector(0, 2, -2)) { $0.norm(.infinity) } == [0, 0.5, -0.5])
    #expect(slope(vector(2, 2, 2)) { $0.standardDeviation() } == [0, 0, 0])
    #expect(slope(vector(0, 2, -1)) { pow($0, Tensor([0, 2, 2], shape: [3])) } == [0, 4, -2])
    #expect(slope(vector(0, 2)) { pow($0, 0) } == [0, 0])
    #expect(slope(vector(0, 0)) { atan2($0, Tensor(zeros: [2])) } == [0, 0])
    #expect(slope(vector(1, 2, 5)) { $0.clamped(to: 2...) } == [0, 1, 1])
    #expect(slope(vector(-1, 0, 2, 6, 7)) { $0.clamped(to: 0...6) } == [0, 1, 1, 1, 0])
    // PyTorch's activations are flat at their kinks.
    #expect(slope(vector(-1, 0, 2, 6, 7)) { relu6($0) } == [0, 0, 1, 0, 0])
    #expect(slope(vector(-2, -1, 0.5, 1)) { hardTanh($0) } == [0, 0, 1, 0])
    #expect(slope(vector(-3, 0, 3)) { hardSigmoid($0) } == [0, 1 / 6, 0])
    #expect(slope(vector(1, 2, 5)) { $0.clamped(from: Tensor(2), through: Tensor(1)) } == [0, 0, 0])
    let exponent = differentiated(["x": vector(0, 2, 0)]) { pow(Tensor([0, 0, 2], shape: [3]), $0["x"]!) }
    #expect(exponent.gradients["x"]!.scalars[0] == 0, "0⁰ is flat")
  }

  @Test func signsRemaindersAndRounding() {
    #expect(sign(vector(nan, -0.0, 2, -3)).scalars == [0, 0, 1, -1])
    #expect(round(vector(0.5, 1.5, 2.5, -0.5, -1.5)).scalars == [0, 2, 2, 0, -2])
    #expect(trunc(vector(1.7, -1.7)).scalars == [1, -1] && floor(vector(-1.2)).scalar == -2)
    #expect((vector(5, -5, 5, -5) % vector(3, 3, -3, -3)).scalars == [2, 1, -1, -2])
    #expect(texts(vector(5, -1, 1) % vector(0, infinity, infinity)) == ["nan", "inf", "1.0"])
    #expect((-vector(1, -2)).scalars == [-1, 2])
    #expect(texts(vector(nan, 1, 5).clamped(from: vector(0, 2, 3), through: vector(1, 1, 4))) == ["nan", "1.0", "4.0"])
    #expect(texts(sqrt(vector(-1))) == ["nan"])
    var remainder = vector(5, -5)
    remainder %= 3
    #expect(remainder == [2, 1] && (7 % vector(4)).scalar == 3)
    #expect(vector(1, 2).replacing(with: vector(nan, nan), where: Mask([false, true], shape: [2])).scalars[0] == 1)
  }

  @Test func zerosKeepTheirSigns() {
    let zeros = vector(0, -0.0)
    #expect(texts(1 / -zeros) == ["-inf", "inf"] && texts(1 / (zeros * -2)) == ["-inf", "inf"])
    #expect(texts(1 / (zeros * 3)) == ["inf", "-inf"] && texts(1 / (zeros / 4)) == ["inf", "-inf"])
    #expect(texts(1 / (zeros - 0)) == ["inf", "-inf"] && texts(1 / (zeros + 0)) == ["inf", "inf"])
    let (_, gradients) = differentiated(["x": vector(1, 2)]) { ($0["x"]! * -0.0).sum() }
    #expect(texts(1 / gradients["x"]!) == ["-inf", "-inf"])
  }

  @Test func theSmallestNumbersDivide() {
    #expect(texts(vector(0x3p-130, -infinity, 0) / 0x1p-130) == ["3.0", "-inf", "0.0"])
    #expect(texts(vector(3, -2, 0) / 0) == ["inf", "-inf", "nan"])
  }

  @Test func comparisonsMakeMasks() {
    let (a, b) = (vector(1, 2, nan), vector(1, 3, nan))
    #expect((a .< b).values == [false, true, false] && (a .<= b).values == [true, true, false])
    #expect((a .> b).values == [false, false, false] && (a .>= b).values == [true, false, false])
    #expect((a .== b).values == [true, false, false] && (a .!= b).values == [false, true, true])
    #expect((a .> 1).values == [false, true, false] && (1 .<= a).values == [true, true, false])
    #expect(a.isNaN.values == [false, false, true] && a.isFinite.values == [true, true, false])
    #expect(vector(-infinity, 1).isInfinite.values == [true, false])
    let (p, q) = (Mask([true, true, false, false], shape: [4]), Mask([true, false, true, false], shape: [4]))
    #expect((p .& q).values == [true, false, false, false] && (p .| q).values == [true, true, true, false])
    #expect((p .^ q).values == [false, true, true, false] && (.!p).values == [false, false, true, true])
    #expect(p.any().value && !p.all().value && p.trueCount == 2)
    let grid = Mask([true, false, true, true], shape: [2, 2])
    #expect(grid.all(over: [1]).values == [false, true] && grid.any(over: [0]).shape == [2])
    #expect(grid.positions == [[0, 0], [1, 0], [1, 1]] && grid == Mask(Tensor([1, 0, 2, nan], shape: [2, 2])))
    let labels: IntTensor = [[1], [2]]
    #expect((labels .== [1, 2]).values == [true, false, false, true] && (labels .!= 1).values == [false, true])
    #expect((labels .< 2).values == [true, false] && (labels .>= [2]).values == [false, true])
    #expect((labels .<= 1).values == [true, false] && (labels .> 1).values == [false, true])
    #expect((a.unsqueezed(axis: 1) .< b).shape == [3, 3])
    #expect(!Mask([], shape: [0]).any().value && Mask([], shape: [0]).all().value)
  }

  @Test func equality() {
    #expect(vector(1, 2) == [1, 2] && vector(1, 2) != [[1, 2]] && vector(1, 2) != [1, 3] && vector(0) == [-0.0])
    #expect(vector(nan) != vector(nan))
    let near = isClose(vector(infinity, infinity, nan, 1, 1), vector(infinity, -infinity, nan, infinity, 1.000_001))
    #expect(near.values == [true, false, false, false, true])
    #expect(allClose(vector(nan), vector(nan), equalNaN: true) && !allClose(vector(1), vector(1.1)))
    #expect(allClose(vector(1), vector(1.1), relative: 0.2))
  }

  @Test func reductionsOfNothing() {
    let none = Tensor(zeros: [0, 3])
    #expect(none.mean().scalar.isNaN && none.sum(over: [0]).scalars == [0, 0, 0] && none.product().scalar == 1)
    #expect(none.variance(over: [0]).scalars.allSatisfy(\.isNaN) && none.norm().scalar == 0)
    #expect(none.logSumExp(over: [0]).scalars == [-infinity, -infinity, -infinity])
    #expect(
      none.max(over: [1]).shape == [0] && none.argmax(axis: 1).shape == [0] && none.sorted().values.shape == [0, 3])
    #expect(none.cumulativeSum(axis: 0).shape == [0, 3] && none.unique().values.shape == [0])
    #expect(vector(3).variance().scalar.isNaN && vector(3).standardDeviation(correction: 0).scalar == 0)
    #expect(
      vector(-infinity, -infinity).logSumExp().scalar == -infinity && vector(infinity, 1).logSumExp().scalar == infinity
    )
  }

  @Test func mistakesAreNamed() async {
    let axis = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(ones: [2, 3]).sum(over: [2])
    }
    expectMessage(axis, "reduction: [2, 3] has no axis 2")
    let position = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(ones: [2, 3])[0, 3]
    }
    expectMessage(position, "subscript: [2, 3] has no position 3 along axis 1")
    let range = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(ones: [2, 3])[0..<4]
    }
    expectMessage(range, "subscript: [2, 3] has no positions 0..<4 along axis 0")
    let literal = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ragged: Tensor = [[1, 2], [3]]
      _ = ragged
    }
    expectMessage(literal, "a tensor literal: [[2], [1]] in one pair of brackets differ")
    let equation = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ij,jk->iz", Tensor(ones: [2, 3]), Tensor(ones: [3, 4]))
    }
    expectMessage(equation, "einsum: the result of \"ij,jk->iz\" names an axis twice, or one that no operand has")
    let empty = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [0, 3]).max(over: [0])
    }
    expectMessage(empty, "max: [0, 3] has no elements along the axes [0]")
  }

  /// Each repeated axis becomes two on the way, which may be more than a tensor has.
  @Test func manyAxesAreTiled() {
    let x = Tensor(from: 0, to: 32).reshaped(to: [2, 2, 2, 2, 2])
    let counts = [3, 2, 2, 3, 2]
    let expected = counts.indices.reduce(x) { y, axis in
      concatenated(Array(repeating: y, count: counts[axis]), axis: axis)
    }
    #expect(x.tiled(counts) == expected)
    #expect(x.tiled([1, 2, 2, 3, 2]) == expected.slice(axis: 0, from: 0, to: 2))
  }
}
