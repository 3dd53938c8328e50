import AviaryTensors
import AviaryTestSupport
import Testing

/// Running statistics are observed exactly once, in program order, whatever becomes of the result.
@Suite struct ObservationTests {
  final class Log {
    var names: [String] = []
    var means: [Tensor] = []
  }

  let x = numbers([4, 16, 3, 3], 1)
  let scale = positiveNumbers([16], 2)
  let shift = numbers([16], 3)

  func normalized(_ x: Tensor, _ name: String, _ log: Log) -> Tensor {
    batchNormalization(x, scale: scale, shift: shift, epsilon: 1e-5) { mean, _ in
      log.names.append(name)
      log.means.append(mean)
    }
  }

  @Test func evenIfNobodyReads() {
    let log = Log()
    withMode(.training) { _ = normalized(x, "a", log) }
    #expect(log.names == ["a"])
    expectSame(log.means[0], x.mean(over: [0, 2, 3]))
  }

  @Test func beforeTheNextOperation() {
    let log = Log()
    withMode(.training) {
      let a = normalized(x, "a", log)
      _ = normalized(x * 2, "b", log)
      #expect(log.names == ["a"])
      _ = inference { x + 1 }
      #expect(log.names == ["a", "b"])
      _ = normalized(a, "c", log)
      settle()
      #expect(log.names == ["a", "b", "c"])
    }
    #expect(log.names == ["a", "b", "c"])
  }

  @Test func evenIfTheBodyThrows() {
    struct Stop: Swift.Error {}
    let log = Log()
    #expect(throws: Stop.self) {
      try withMode(.training) {
        _ = normalized(x, "a", log)
        throw Stop()
      }
    }
    #expect(log.names == ["a"])
    #expect(currentMode == .inference)
  }

  @Test func onceWithReluAndWithout() {
    let log = Log()
    let (y, plain, twice, both) = withMode(.training) {
      let plain = forced(normalized(x, "plain", log))
      let fused = normalized(x, "fused", log)
      let y = relu(fused)
      // The normalisation itself is wanted after all.
      return (y, plain, relu(fused), fused + y)
    }
    #expect(log.names == ["plain", "fused"])
    expectSame(y, relu(plain))
    expectSame(twice, relu(plain))
    expectSame(both, plain + forced(relu(plain)))
    _ = (both.scalars, y.scalars)
    #expect(log.names == ["plain", "fused"])
  }

  @Test func onceWhereTheResultIsReadAgain() {
    let log = Log()
    let y = withMode(.training) { normalized(x, "a", log) }
    let first = y.scalars
    let kept = memory(of: y)
    #expect(y.scalars == first && memory(of: y) === kept && log.names == ["a"])
  }

  @Test func reluInAnotherScopeIsNotFused() {
    let log = Log()
    withMode(.training) {
      let y = normalized(x, "a", log)
      let z = inference { relu(y) }
      #expect(log.names == ["a"])
      expectSame(z, relu(forced(y)))
    }
  }

  /// Gradients where a normalisation goes through a relu, past it, both, or to the addition of a residual.
  @Test(arguments: 0..<6) func gradientsAreThoseOfTheParts(way: Int) {
    func gradients(_ step: @escaping (Tensor) -> Tensor) -> [String: Tensor] {
      let operands = [
        "x": x, "w": numbers([16, 16, 3, 3], 5), "scale": scale, "shift": shift,
      ]
      return differentiated(operands, upstream: numbers([4, 16, 3, 3], 6)) {
        let y = step(
          batchNormalization(
            step(same($0["x"]!, $0["w"]!)), scale: $0["scale"]!, shift: $0["shift"]!, epsilon: 1e-5))
        switch way {
        case 0: return step(relu(y))
        case 1: return step(relu(y)) + y
        case 2:
          let z = y * 2
          return step(relu(y)) + z
        case 3: return step(relu(y)) * step(relu(y))
        case 4: return step(relu(step(y + $0["x"]!)))
        default: return step(relu(step(same(step(relu(y)), $0["w"]!)) + y))
        }
      }.gradients
    }
    let (fused, apart) = (gradients { $0 }, gradients(forced))
    for (name, gradient) in fused {
      expectClose(
        actual: gradient.scalars, expected: apart[name]!.scalars.map(Double.init), relativeL2: 1e-5, name: name)
    }
  }
}
