import AviaryTensors
import AviaryTestSupport
import Testing

@Suite struct DropoutTests {
  let x = Tensor(ones: [200, 500])

  func mask(_ rate: Float = 0.5, path: String = "drop", noise: Noise? = Noise(seed: 1, step: 1)) -> [Float] {
    withMode(.training, noise: noise) { dropout(x, rate: rate, path: path) }.scalars
  }

  @Test(arguments: [Float(0.1), 0.5, 0.9]) func rateAndScale(rate: Float) {
    let y = mask(rate)
    let kept = y.filter { $0 != 0 }
    #expect(kept.allSatisfy { abs($0 - 1 / (1 - rate)) <= 1e-5 / (1 - rate) })
    // Five standard deviations of a share of 100,000.
    let share = Double(y.count - kept.count) / Double(y.count)
    let deviation = (Double(rate) * (1 - Double(rate)) / Double(y.count)).squareRoot()
    #expect(abs(share - Double(rate)) < 5 * deviation)
  }

  @Test func nothingAndEverything() {
    #expect(mask(0) == x.scalars)
    #expect(mask(1).allSatisfy { $0 == 0 })
  }

  @Test func identityInInference() {
    #expect(dropout(x, rate: 0.5).scalars == x.scalars)
    let v = Variable(x)
    let pass = valueWithGradients(of: [v], mode: .inference, noise: nil) {
      (dropout(v.tracked, rate: 0.5).sum(), ())
    }
    #expect(pass.gradients[v]!.scalars == x.scalars)
  }

  @Test func sameMaskBackward() {
    let v = Variable(x)
    let pass = valueWithGradients(of: [v], mode: .training, noise: nil) {
      let y = dropout(v.tracked, rate: 0.3)
      return (y.sum(), y)
    }
    #expect(pass.gradients[v]!.scalars == pass.auxiliary.scalars)
    #expect(pass.auxiliary.scalars.contains(0))
  }

  @Test func anotherMaskForEverySeedStepPathAndCall() {
    let first = mask()
    #expect(mask() == first)
    #expect(mask(path: "other") != first)
    #expect(mask(noise: Noise(seed: 2, step: 1)) != first)
    #expect(mask(noise: Noise(seed: 1, step: 2)) != first)
    let (a, b) = withMode(.training, noise: Noise(seed: 1, step: 1)) {
      (dropout(x, rate: 0.5, path: "drop").scalars, dropout(x, rate: 0.5, path: "drop").scalars)
    }
    #expect(a == first && b != first)
  }

  /// Monte-Carlo dropout: each pass that names no noise draws anew.
  @Test func anotherMaskForEveryPassWithoutNoise() {
    #expect(mask(noise: nil) != mask(noise: nil))
    func pass() -> [Float] {
      valueWithGradients(of: [], mode: .training, noise: nil) {
        let y = dropout(x, rate: 0.5)
        return (y.sum(), y.scalars)
      }.auxiliary
    }
    #expect(pass() != pass())
  }

  /// A scope without noise of its own goes on with that of the pass around it.
  @Test func scopesInsideOfAPassShareItsNoise() {
    func draws() -> [[Float]] {
      withMode(.training, noise: Noise(seed: 3, step: 4)) {
        let first = dropout(x, rate: 0.5).scalars
        let second = withMode(.training) { dropout(x, rate: 0.5).scalars }
        return [first, second, dropout(x, rate: 0.5).scalars]
      }
    }
    let all = draws()
    #expect(all[0] != all[1] && all[1] != all[2] && all[0] != all[2])
    #expect(draws() == all)
  }
}
