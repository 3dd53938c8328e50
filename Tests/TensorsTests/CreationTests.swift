import AviaryTensors
import AviaryTestSupport
import Testing

/// Tensors made of nothing but numbers: literals, ranges, random numbers; and how they print.
@Suite struct CreationTests {
  @Test func literals() {
    let matrix: Tensor = [[1, 2.5], [-3, 4]]
    #expect(matrix.shape == [2, 2] && matrix.scalars == [1, 2.5, -3, 4])
    let cube: Tensor = [[[1], [2]], [[3], [4]], [[5], [6]]]
    #expect(cube.shape == [3, 2, 1])
    let none: Tensor = []
    #expect(none.shape == [0] && ([[], []] as Tensor).shape == [2, 0])
    let labels: IntTensor = [[1, 2], [3, 4]]
    #expect(labels == IntTensor([1, 2, 3, 4], shape: [2, 2]))
    #expect(matrix * [10, 100] == [[10, 250], [-30, 400]])
  }

  @Test func rangesAndFills() {
    #expect(Tensor(to: 4) == [0, 1, 2, 3] && Tensor(from: 1, to: 0, by: -0.25) == [1, 0.75, 0.5, 0.25])
    #expect(Tensor(from: 0, to: 1, by: 0.3).count == 4 && Tensor(from: 2, to: 2).shape == [0])
    #expect(allClose(Tensor(from: 0, through: 1, count: 4), [0, 0.333_333_34, 0.666_666_7, 1]))
    #expect(Tensor(from: 3, through: 9, count: 1) == [3] && Tensor(from: 0, through: 1, count: 11)[-1].scalar == 1)
    #expect(Tensor(identity: 2) == [[1, 0], [0, 1]] && Tensor(identity: 1, columns: 3) == [[1, 0, 0]])
    let like = Tensor(ones: [2, 1])
    #expect(Tensor(zerosLike: like) == [[0], [0]] && Tensor(onesLike: like) == like)
    #expect(Tensor(repeating: 7, like: like) == [[7], [7]])
    #expect(IntTensor(from: 1, to: 7, by: 2) == [1, 3, 5] && IntTensor(Tensor([1.9, -1.9], shape: [2])) == [1, -1])
    #expect(Tensor([1, 2] as IntTensor) == [1, 2] && oneHot([1, 0], classes: 3) == [[0, 1, 0], [1, 0, 0]])
  }

  /// A step such as 0.1 is rounded, and the end belongs to nothing that leads up to it.
  @Test func stepsStopBeforeTheEnd() {
    for (end, step, count) in [
      (0.3, 0.1, 3), (0.6, 0.1, 6), (0.6, 0.2, 3), (1.2, 0.4, 3), (0.9, 0.3, 3), (-0.3, -0.1, 3), (0.7, 0.1, 7),
      (0.65, 0.1, 7),
    ] as [(Float, Float, Int)] {
      #expect(Tensor(to: end, by: step).count == count, "to \(end) by \(step)")
    }
    for (width, steps) in (1..<30).flatMap({ width in (1..<60).map { (width, $0) } }) {
      let x = Tensor(to: Float(Double(width * steps) / 20), by: Float(Double(width) / 20))
      #expect(x.count == steps, "\(steps) steps of \(width)/20")
    }
    #expect(Tensor(from: 1, to: 1.3, by: 0.1) == [1, 1.1, 1.2])
    #expect(Tensor(to: Float(3).nextUp) == [0, 1, 2, 3])
    // The last number before the end is the end in Float32; a whole step lies between them.
    #expect(Tensor(from: 1e8, to: 1e8 + 8, by: 1).count == 8)
  }

  @Test func randomNumbersNeedASeedAlone() {
    let uniform = Tensor(uniform: -1, 3, seed: 5, shape: [100, 100])
    #expect(uniform == Tensor(uniform: -1, 3, seed: 5, shape: [100, 100]))
    #expect(uniform != Tensor(uniform: -1, 3, seed: 6, shape: [100, 100]))
    #expect(uniform.min().scalar >= -1 && uniform.max().scalar < 3 && abs(uniform.mean().scalar - 1) < 0.05)
    let normal = Tensor(normal: 2, deviation: 0.5, seed: 5, shape: [10_000])
    #expect(abs(normal.mean().scalar - 2) < 0.02 && abs(normal.standardDeviation().scalar - 0.5) < 0.02)
    let coins = Tensor(bernoulli: 0.3, seed: 5, shape: [10_000])
    #expect(coins.unique().values == [0, 1] && abs(coins.mean().scalar - 0.3) < 0.02)
    #expect(
      Tensor(bernoulli: 0, seed: 1, shape: [9]).sum().scalar == 0
        && Tensor(bernoulli: 1, seed: 1, shape: [9]).sum().scalar == 9)
    let order = IntTensor(permutation: 50, seed: 3)
    #expect(order.scalars.sorted() == Array(0..<50) && order != IntTensor(permutation: 50, seed: 4))
    let dice = IntTensor(randomIn: 1..<7, seed: 2, shape: [600])
    #expect(
      Tensor(dice).unique().values == [1, 2, 3, 4, 5, 6] && Tensor(dice).unique().counts.scalars.allSatisfy { $0 > 60 })
    // Philox4x32-10 keyed by seed and purpose, as everywhere.
    var stream = RandomStream(seed: 3, purpose: "permutation")
    #expect(order.scalars.map(Int.init) == stream.permutation(50))
  }

  @Test func printing() {
    #expect("\(Tensor(2.5))" == "Tensor[] 2.5000")
    #expect("\([1, -2, 30] as Tensor)" == "Tensor[3] [ 1., -2., 30.]")
    #expect(
      "\([[1.5, -2], [3, 1000.25]] as Tensor)" == """
        Tensor[2, 2]
        [[   1.5000,   -2.0000],
         [   3.0000, 1000.2500]]
        """)
    #expect("\(Tensor(zeros: [0, 3]))" == "Tensor[0, 3]\n[]")
    #expect("\(Tensor([.nan, -.infinity, 1], shape: [3]))" == "Tensor[3] [ nan, -inf,   1.]")
    #expect("\([1e-6, 1] as Tensor)" == "Tensor[2] [1.0000e-06, 1.0000e+00]")
    #expect("\([1e9, 1] as Tensor)" == "Tensor[2] [1.0000e+09, 1.0000e+00]")
    #expect("\([[1, 20], [3, 4]] as IntTensor)" == "IntTensor[2, 2]\n[[ 1, 20],\n [ 3,  4]]")
    #expect("\(Mask([true, false], shape: [2]))" == "Mask[2] [ true, false]")
    #expect("\(Tensor(to: 2000))" == "Tensor[2000] [   0.,    1.,    2., …, 1997., 1998., 1999.]")
    #expect(
      "\(Tensor(to: 8).reshaped(to: [2, 2, 2]))" == """
        Tensor[2, 2, 2]
        [[[0., 1.],
          [2., 3.]],

         [[4., 5.],
          [6., 7.]]]
        """)
    let large = "\(Tensor(zeros: [50, 50]))".split(separator: "\n")
    #expect(large.count == 8 && large[4] == " …," && large[1] == "[[0., 0., 0., …, 0., 0., 0.],")
  }
}
