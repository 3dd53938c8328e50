import AviaryKernels
import AviaryTensors
import Testing

@testable import AviaryTraining

@Suite struct BatchMixingTests {
  typealias Mix = @Sendable (Tensor, IntTensor, Int, Double, RandomStream) -> (inputs: Tensor, targets: Tensor)
  static let mixes: [(name: String, mix: Mix)] = [
    ("mixup", { mixup($0, labels: $1, classes: $2, alpha: $3, stream: $4) }),
    ("cutMix", { cutMix($0, labels: $1, classes: $2, alpha: $3, stream: $4) }),
  ]

  /// Six images of 8 × 10, every pixel of image n the number n in one channel and 10·n in the other, of class n.
  private let images = Tensor(
    (0..<12).flatMap { (plane: Int) -> [Float] in
      Array(repeating: Float(plane / 2 * (plane % 2 == 0 ? 1 : 10)), count: 80)
    }, shape: [6, 2, 8, 10])
  private let labels = IntTensor([0, 1, 2, 3, 4, 5])

  private func stream(_ step: Int) -> RandomStream { RandomStream(seed: 7, purpose: "mix", step: UInt64(step)) }

  @Test(arguments: mixes.indices) func strengthZeroChangesNothing(index: Int) {
    let (inputs, targets) = Self.mixes[index].mix(images, labels, 7, 0, stream(1))
    #expect(inputs.shape == images.shape && inputs.scalars == images.scalars)
    #expect(targets.shape == [6, 7])
    let expected: [Float] = (0..<42).map { $0 / 7 == $0 % 7 ? 1 : 0 }
    #expect(targets.scalars == expected)
  }

  @Test(arguments: mixes.indices) func oneStreamGivesOneResult(index: Int) {
    let mix = Self.mixes[index].mix
    let results = (0..<5).map { mix(images, labels, 6, 1, stream($0)).inputs.scalars }
    #expect(results == (0..<5).map { mix(images, labels, 6, 1, stream($0)).inputs.scalars })
    #expect(Set(results).count == 5)
  }

  /// The targets say of what the inputs consist: all pixels of an image sum to what its target says.
  @Test(arguments: mixes.indices) func targetsAreTheSharesOfTheInputs(index: Int) {
    for step in 0..<100 {
      let (inputs, targets) = Self.mixes[index].mix(images, labels, 6, 1, stream(step))
      let (values, shares) = (inputs.scalars, targets.scalars)
      for row in 0..<6 {
        let share = shares[row * 6..<row * 6 + 6]
        #expect(abs(share.reduce(0, +) - 1) < 1e-6 && share.filter { $0 > 0 }.count <= 2)
        let expected = share.enumerated().reduce(0) { $0 + Float($1.offset) * $1.element }
        let mean = values[row * 160..<row * 160 + 80].reduce(0, +) / 80
        #expect(abs(mean - expected) < 1e-4, "step \(step), image \(row): \(mean) instead of \(expected)")
        #expect(abs(values[row * 160 + 80..<row * 160 + 160].reduce(0, +) / 800 - expected) < 1e-4)
      }
    }
  }

  @Test func mixupMixesEveryPixelAlike() {
    let (inputs, _) = mixup(images, labels: labels, classes: 6, alpha: 1, stream: stream(3))
    let values = inputs.scalars
    for row in 0..<6 {
      let first = values[row * 160]
      #expect(values[row * 160..<row * 160 + 80].allSatisfy { $0 == first })
    }
  }

  @Test func cutMixReplacesARectangle() {
    var areas: [Int] = []
    for step in 0..<200 {
      let (inputs, _) = cutMix(images, labels: labels, classes: 6, alpha: 1, stream: stream(step))
      let values = inputs.scalars
      var rectangles = Set<[Int]>()
      for row in 0..<6 {
        let replaced = (0..<80).filter { values[row * 160 + $0] != Float(row) }
        if replaced.isEmpty { continue }
        let (rows, columns) = (replaced.map { $0 / 10 }, replaced.map { $0 % 10 })
        let box = [rows.min()!, rows.max()!, columns.min()!, columns.max()!]
        #expect(replaced.count == (box[1] - box[0] + 1) * (box[3] - box[2] + 1))
        #expect(Set(replaced.map { values[row * 160 + $0] }).count == 1)
        // The other channel has the same rectangle.
        #expect((0..<80).allSatisfy { values[row * 160 + 80 + $0] == 10 * values[row * 160 + $0] })
        rectangles.insert(box)
        areas.append(replaced.count)
      }
      #expect(rectangles.count <= 1, "one rectangle a batch")
    }
    #expect(areas.min()! < 8 && areas.max()! > 40)
  }

  /// λ ~ Beta(α, α): of mean 1/2 and variance 1 / (4·(2α + 1)).
  @Test(arguments: [0.2, 1, 4]) func sharesHaveTheirDistribution(alpha: Double) {
    let two = Tensor([0, 1], shape: [2, 1])
    var shares: [Double] = []
    for step in 0..<6000 {
      let targets = mixup(two, labels: IntTensor([0, 1]), classes: 2, alpha: alpha, stream: stream(step)).targets
        .scalars
      // Half of the batches mix each example with itself.
      if targets != [1, 0, 0, 1] { shares.append(Double(targets[0])) }
    }
    let count = Double(shares.count)
    #expect((2750...3250).contains(shares.count))
    let mean = shares.reduce(0, +) / count
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let expected = 1 / (4 * (2 * alpha + 1))
    #expect(abs(mean - 0.5) < 5 * (expected / count).squareRoot(), "\(mean)")
    #expect(abs(variance / expected - 1) < 0.12, "\(variance) instead of \(expected)")
  }

  @Test func featuresAreMixedToo() {
    let features = Tensor([1, 2, 3, 4], shape: [2, 2])
    let (inputs, targets) = mixup(features, labels: IntTensor([1, 1]), classes: 3, alpha: 0.5, stream: stream(0))
    #expect(inputs.shape == [2, 2])
    #expect(zip(targets.scalars, [0, 1, 0, 0, 1, 0] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func wiringIsNamed() async {
    let labels = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = mixup(
        Tensor(zeros: [2, 3]), labels: IntTensor([0, 5]), classes: 4, alpha: 1, stream: .init(seed: 1, purpose: ""))
    }
    expect(labels, "mixup: a label is outside of 0..<4")
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = cutMix(
        Tensor(zeros: [2, 3]), labels: IntTensor([0, 1]), classes: 4, alpha: 1, stream: .init(seed: 1, purpose: ""))
    }
    expect(rank, "cutMix: takes images [N, C, H, W], not [2, 3]")
  }

  private func expect(_ result: ExitTest.Result?, _ message: String) {
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains(message), "\(text)")
  }
}
