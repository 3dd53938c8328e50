// Drawing from a restricted Boltzmann machine, one layer given the other: Geman & Geman, "Stochastic Relaxation, Gibbs
// Distributions, and the Bayesian Restoration of Images", 1984.

import AviaryDiagnostics
import AviaryTensors

/// What keys the draws of a layer.
struct GibbsKey {
  let seed: UInt64
  let purpose: String
  let path: String
  let step: UInt64

  /// - Parameter part: of visible units of several kinds.
  func stream(_ part: Int = 0) -> RandomStream {
    RandomStream(seed: seed, purpose: purpose, path: part == 0 ? path : "\(path)/\(part)", step: step)
  }
}

extension BoltzmannMachine {
  /// Visible values that the machine takes for likely: [count, visible]. The longer the chain, the closer they come to
  /// independent draws.
  ///
  /// - Parameters:
  ///   - steps: of the chain; at least 1.
  ///   - start: the visible values [count, visible] with which the chains begin; nil for where the chains that persist
  ///     stand, or else for hidden units that are on by chance. Machines of counts need them, since they say how long
  ///     documents are.
  /// - Returns: draws; see `visibleMeans(_:like:)` for the means, which look smoother.
  public func samples(count: Int, steps: Int, seed: UInt64, from start: Tensor? = nil) -> Tensor {
    ensure(steps >= 1, "samples: a chain of \(steps) steps")
    ensure(
      start != nil || configuration.units != .counts, "samples: a machine of counts begins with documents")
    ensure(
      start.map { $0.shape[0] == count } ?? true, "samples: \(count) chains do not begin with \(start?.shape ?? [])")
    func key(_ step: Int, _ layer: String) -> GibbsKey {
      GibbsKey(seed: seed, purpose: "Gibbs sampling of \(layer)", path: weight.path, step: UInt64(step))
    }
    return inference {
      var hidden =
        start.map(hiddenProbabilities) ?? chainStart(count)
      var visible = Tensor(zeros: [count, configuration.visible])
      for step in 0..<steps {
        visible = sampledVisible(
          sampledUnits(hidden, key(step, "hidden units").stream()), like: start, key(step, "visible units"))
        hidden = hiddenProbabilities(visible)
      }
      return visible
    }
  }

  /// The probabilities of hidden units [count, hidden] with which chains begin: those that persist, in turn.
  private func chainStart(_ count: Int) -> Tensor {
    guard let chains = chains?.tensor else { return Tensor(repeating: 0.5, shape: [count, configuration.hidden]) }
    let (values, width) = (chains.scalars, configuration.hidden)
    let starts = (0..<count).map { $0 % configuration.chains * width }
    return Tensor(starts.flatMap { values[$0..<$0 + width] }, shape: [count, width])
  }

  /// Units that are on or off with the probabilities given.
  func sampledUnits(_ probabilities: Tensor, _ stream: RandomStream) -> Tensor {
    let thresholds = Tensor(uniform: 0, 1, stream: stream, shape: probabilities.shape).scalars
    return Tensor(zip(probabilities.scalars, thresholds).map { $1 < $0 ? 1 : 0 }, shape: probabilities.shape)
  }

  /// Draws visible values, given hidden units.
  func sampledVisible(_ hidden: Tensor, like data: Tensor?, _ key: GibbsKey) -> Tensor {
    byParts(visibleMeans(hidden, like: data), like: nil) { part, means, _ in
      let (stream, levels) = (key.stream(part), visibleParts[part].levels)
      switch visibleParts[part].units {
      case .binary, .mixed: return sampledUnits(means, stream)
      case .gaussian: return means + Tensor(normal: 0, deviation: 1, stream: stream, shape: means.shape)
      case .softmax: return drawn(means, groups: levels, stream)
      case .counts: return drawn(means, groups: means.shape[1], stream)
      }
    }
  }

  /// Draws from each group of means as often as they sum up to: 0 or 1 for a softmax group, the number of words for counts.
  private func drawn(_ means: Tensor, groups width: Int, _ stream: RandomStream) -> Tensor {
    let values = means.scalars
    var counts = [Float](repeating: 0, count: values.count)
    var stream = stream
    for start in Swift.stride(from: 0, to: values.count, by: width) {
      let total = values[start..<start + width].reduce(0, +)
      for _ in 0..<Int(total.rounded()) {
        var rest = stream.uniform(0, total)
        let place = (start..<start + width).first { place in
          rest -= values[place]
          return rest < 0
        }
        counts[place ?? start + width - 1] += 1
      }
    }
    return Tensor(counts, shape: means.shape)
  }
}
