import AviaryTensors
import AviaryTestSupport
import Testing

@Suite struct SpatialDropoutTests {
  static func draw(
    _ x: Tensor, noise: Noise? = Noise(seed: 1, step: 1), _ drop: (Tensor) -> Tensor
  ) -> [Float] {
    withMode(.training, noise: noise) { drop(x) }.scalars
  }

  // MARK: - Channels

  @Test(arguments: [Float(0.2), 0.5]) func wholeChannelsFall(rate: Float) {
    let x = Tensor(ones: [100, 50, 3, 2])
    let y = Self.draw(x) { channelDropout($0, rate: rate, path: "a") }
    let channels = (0..<5000).map { Array(y[$0 * 6..<$0 * 6 + 6]) }
    #expect(channels.allSatisfy { channel in channel.allSatisfy { $0 == channel[0] } })
    #expect(channels.allSatisfy { $0[0] == 0 || abs($0[0] - 1 / (1 - rate)) < 1e-5 })
    let share = Double(channels.count { $0[0] == 0 }) / 5000
    #expect(abs(share - Double(rate)) < 5 * (Double(rate) * Double(1 - rate) / 5000).squareRoot())
  }

  @Test func sequencesHaveChannelsToo() {
    let y = Self.draw(Tensor(ones: [4, 8, 5])) { channelDropout($0, rate: 0.5) }
    #expect((0..<32).allSatisfy { Set(y[$0 * 5..<$0 * 5 + 5]).count == 1 } && Set(y) == [0, 2])
  }

  // MARK: - Blocks

  @Test(arguments: [(1, Float(0.3)), (3, 0.1), (5, 0.1), (4, 0.2)]) func blocksFallAtTheirRate(block: Int, rate: Float)
  {
    let x = Tensor(ones: [40, 20, 24, 20])
    let y = Self.draw(x) { dropBlock($0, block: block, rate: rate, path: "a") }
    let kept = y.count { $0 != 0 }
    let share = 1 - Double(kept) / Double(y.count)
    // Overlapping blocks make it somewhat less than the rate: 1 − (1 − γ)^(block²) inside of the image.
    #expect(share < Double(rate) * 1.03 && share > Double(rate) * (block == 1 ? 0.97 : 0.85), "\(share)")
    // What is left is scaled to the mean that was.
    let scale = Float(y.count) / Float(kept)
    #expect(y.allSatisfy { $0 == 0 || abs($0 - scale) < 1e-5 })
    #expect(abs(y.reduce(0) { $0 + Double($1) } / Double(y.count) - 1) < 1e-4)
  }

  /// Every zero lies in a square of zeros, of which all lie inside of the image.
  @Test func whatFallsAreSquares() {
    let (planes, rows, columns, block) = (6, 12, 10, 3)
    let y = Self.draw(Tensor(ones: [2, 3, rows, columns])) { dropBlock($0, block: block, rate: 0.15) }
    var covered = [Bool](repeating: false, count: y.count)
    for plane in 0..<planes {
      for row in 0...rows - block {
        for column in 0...columns - block {
          let square = (0..<block * block).map {
            (plane * rows + row + $0 / block) * columns + column + $0 % block
          }
          if square.allSatisfy({ y[$0] == 0 }) {
            for index in square { covered[index] = true }
          }
        }
      }
    }
    #expect(zip(y, covered).allSatisfy { ($0 == 0) == $1 } && covered.contains(true) && covered.contains(false))
  }

  @Test func aSmallImageIsOneBlock() {
    let y = Self.draw(Tensor(ones: [50, 4, 2, 2])) { dropBlock($0, block: 7, rate: 0.5) }
    #expect((0..<200).allSatisfy { Set(y[$0 * 4..<$0 * 4 + 4]).count == 1 } && y.contains(0))
    #expect(
      Self.draw(Tensor(ones: [1, 2, 3, 3])) { dropBlock($0, block: 3, rate: 1) } == Array(repeating: 0, count: 18))
  }

  // MARK: - Both

  static let drops: [@Sendable (Tensor, String) -> Tensor] = [
    { channelDropout($0, rate: 0.4, path: $1) }, { dropBlock($0, block: 2, rate: 0.4, path: $1) },
  ]

  @Test(arguments: [0, 1]) func sameMaskBackward(_ index: Int) {
    let v = Variable(Tensor(ones: [8, 16, 6, 6]))
    let pass = valueWithGradients(of: [v], mode: .training, noise: nil) {
      let y = Self.drops[index](v.tracked, "a")
      return (y.sum(), y)
    }
    #expect(pass.gradients[v]!.scalars == pass.auxiliary.scalars)
    #expect(Set(pass.auxiliary.scalars).count == 2)
  }

  @Test(arguments: [0, 1]) func keyedByPathAndStep(_ index: Int) {
    let x = Tensor(ones: [8, 16, 6, 6])
    func mask(_ path: String, _ seed: UInt64, _ step: UInt64) -> [Float] {
      Self.draw(x, noise: Noise(seed: seed, step: step)) { Self.drops[index]($0, path) }
    }
    let first = mask("a", 1, 1)
    #expect(mask("a", 1, 1) == first)
    #expect(mask("b", 1, 1) != first && mask("a", 2, 1) != first && mask("a", 1, 2) != first)
    #expect(Self.drops[index](x, "a").scalars == x.scalars, "not in use")
  }
}
