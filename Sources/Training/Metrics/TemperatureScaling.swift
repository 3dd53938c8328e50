import AviaryDiagnostics
import AviaryPlatform

/// One number that logits are divided by so that confidences become as good as they can (Guo et al., 2017). Predictions stay
/// what they are. It is to be fitted on examples that trained nothing, and to be judged on others.
public struct TemperatureScaling: Equatable, Sendable {
  /// What came of fitting.
  public enum Outcome: Equatable, Sendable {
    /// A temperature was found.
    case fitted(TemperatureScaling)
    /// Every class is the most probable one: the lower the temperature, the better.
    case allRight
    /// The true classes are no more probable than others: the higher the temperature, the better.
    case worthless
    /// There are no examples, or too many to be kept.
    case incomplete

    /// The temperature, where one was found.
    public var scaling: TemperatureScaling? {
      if case .fitted(let scaling) = self { scaling } else { nil }
    }
  }

  /// Above 1 where the network is too confident.
  public let temperature: Double
  /// The mean negative logarithm of the true classes' probabilities at that temperature.
  public let logLoss: Double
  /// How well the probabilities at this temperature are calibrated.
  public let reliability: Reliability

  /// The probabilities of one example as they are when its logits are divided by a temperature.
  ///
  /// - Parameters:
  ///   - probabilities: softmax of the logits, one a class.
  ///   - temperature: above 0; above 1 makes the probabilities more alike. Their order stays.
  public static func scaled(_ probabilities: [Double], temperature: Double) -> [Double] {
    ensure(temperature > 0, "TemperatureScaling: a temperature of \(temperature) is not above 0")
    let powers = powers(logits(probabilities), 1 / temperature)
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Logarithms of probabilities are logits but for one number, which softmax does not see; of 0, a very small one.
  fileprivate static func logits(_ probabilities: some Sequence<Double>) -> [Double] {
    probabilities.map { log(max($0, 1e-300)) }
  }

  /// The exponentials of logits times the inverse of a temperature, the largest of which is 1.
  fileprivate static func powers(_ logits: [Double], _ inverse: Double) -> [Double] {
    let largest = logits.max() ?? 0
    return logits.map { exp(($0 - largest) * inverse) }
  }
}

extension ClassProbabilities {
  /// The temperature with the least log loss.
  public func temperatureScaling() -> TemperatureScaling.Outcome {
    guard isComplete, count > 0 else { return .incomplete }
    let hasMistake = labels.indices.contains { row in
      let own = kept[row * classes + Int(labels[row])]
      return kept[row * classes..<(row + 1) * classes].contains { $0 > own }
    }
    guard hasMistake else { return .allRight }
    guard slope(at: 0).slope < 0 else { return .worthless }
    // The slope of the loss rises with the inverse of the temperature: Newton's method, kept between two bounds.
    var (low, high, inverse) = (0.0, Double.infinity, 1.0)
    for _ in 0..<200 {
      let (slope, curvature) = slope(at: inverse)
      if slope < 0 { low = inverse } else { high = inverse }
      var next = inverse - slope / curvature
      if !(next > low && next < high) { next = high.isFinite ? (low + high) / 2 : 2 * inverse }
      let change = (next - inverse).magnitude
      inverse = next
      if change <= 4 * .ulpOfOne * inverse { break }
    }
    return .fitted(scaled(by: inverse))
  }

  /// The first two derivatives of the summed log loss with respect to the inverse of the temperature.
  private func slope(at inverse: Double) -> (slope: Double, curvature: Double) {
    var (slope, curvature) = (0.0, 0.0)
    for row in labels.indices {
      let logits = logits(row)
      let powers = TemperatureScaling.powers(logits, inverse)
      var (sum, first, second) = (0.0, 0.0, 0.0)
      for (logit, power) in zip(logits, powers) {
        sum += power
        first += power * logit
        second += power * logit * logit
      }
      let mean = first / sum
      slope += mean - logits[Int(labels[row])]
      curvature += second / sum - mean * mean
    }
    return (slope, curvature)
  }

  private func scaled(by inverse: Double) -> TemperatureScaling {
    var (loss, reliability) = (0.0, Reliability())
    for row in labels.indices {
      let label = Int(labels[row])
      let powers = TemperatureScaling.powers(logits(row), inverse)
      let sum = powers.reduce(0, +)
      loss -= log(min(max(powers[label] / sum, .ulpOfOne), 1 - .ulpOfOne))
      var predicted = 0
      for (index, power) in powers.enumerated() where power > powers[predicted] { predicted = index }
      reliability.add(confidence: powers[predicted] / sum, isRight: predicted == label)
    }
    return TemperatureScaling(temperature: 1 / inverse, logLoss: loss / Double(count), reliability: reliability)
  }

  private func logits(_ row: Int) -> [Double] {
    TemperatureScaling.logits(kept[row * classes..<(row + 1) * classes])
  }
}
