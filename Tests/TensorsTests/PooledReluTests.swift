import AviaryTensors
import AviaryTestSupport
import Testing

/// The mask of a relu before a maximum pool is laid on the smaller gradient; that must not show.
@Suite struct PooledReluTests {
  /// Windows that overlap, and whole windows without a positive element.
  private static func operands(channels: Int) -> (x: Tensor, weight: Tensor) {
    var numbers = TestNumbers(seed: 5)
    let shape = [2, channels, 7, 6]
    let x = numbers.floats(shape.reduce(1, *)).enumerated().map { $0 % 5 < 3 ? $1 - 1 : $1 }
    return (Tensor(x, shape: shape), Tensor(numbers.floats(2 * channels * 3 * 2), shape: [2, channels, 3, 2]))
  }

  private static func pool(_ x: Tensor) -> Tensor { maxPool(x, kernel: [3, 3], stride: [2, 2]) }

  @Test(arguments: [3, 16, 20]) func theGradientIsThatOfTheMaskedWhole(channels: Int) throws {
    let (x, weight) = Self.operands(channels: channels)
    let variable = Variable(x)
    let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) {
      ((Self.pool(relu(variable.tracked)) * weight).sum(), ())
    }
    // The same, mask and pool each on its own.
    let rectified = Variable(relu(x))
    let pooled = valueWithGradients(of: [rectified], mode: .training, noise: nil) {
      ((Self.pool(rectified.tracked) * weight).sum(), ())
    }
    let expected = zip(try #require(pooled.gradients[rectified]).scalars, x.scalars).map { $1 > 0 ? $0 : 0 }
    #expect(try #require(pass.gradients[variable]).scalars == expected)
    #expect(expected.contains { $0 != 0 })
  }

  /// Grad-CAM looks at the gradient between the two, which no mask has touched.
  @Test func whoWatchesSeesTheGradientWithoutTheMask() throws {
    let (x, weight) = Self.operands(channels: 16)
    let variable = Variable(x)
    let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) {
      let rectified = watched(relu(variable.tracked))
      return ((Self.pool(rectified) * weight).sum(), rectified)
    }
    let plain = Variable(relu(x))
    let expected = valueWithGradients(of: [plain], mode: .training, noise: nil) {
      ((Self.pool(plain.tracked) * weight).sum(), ())
    }
    let seen = try #require(pass.gradients[pass.auxiliary]).scalars
    #expect(seen == (try #require(expected.gradients[plain])).scalars)
    #expect(zip(seen, x.scalars).contains { $0 != 0 && $1 <= 0 }, "nothing of it would be masked")
  }

  /// A relu that two look at masks what comes from the other.
  @Test func otherUsersOfTheReluAreMaskedAsEver() throws {
    let (x, weight) = Self.operands(channels: 16)
    let variable = Variable(x)
    let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) {
      let rectified = relu(variable.tracked)
      return ((Self.pool(rectified) * weight).sum() + (rectified * 3).sum(), ())
    }
    let gradient = try #require(pass.gradients[variable]).scalars
    #expect(zip(gradient, x.scalars).allSatisfy { $1 > 0 || $0 == 0 })
    #expect(zip(gradient, x.scalars).contains { $1 > 0 && $0 == 3 })
  }
}
